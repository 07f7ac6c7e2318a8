import { describe, expect, it } from "vitest";
import type { ModelSim } from "../src/index.ts";
import { forever, post, startSim, until } from "./start-sim.ts";

const pageOf = async (sim: ModelSim): Promise<string> => (await fetch(`${sim.url}/metrics`)).text();

function sample(page: string, series: string): number {
  const line = page.split("\n").find((candidate) => candidate.startsWith(`${series} `));
  if (line === undefined) throw new Error(`no series ${series}`);
  return Number(line.slice(series.length + 1));
}

const labels = '{engine="0",model_name="m"}';
const prompt = "x".repeat(64 * 10);

describe("/metrics", () => {
  it("counts requests, tokens and cache hits under the names of vLLM", async () => {
    const sim = await startSim();
    await post(sim, "/v1/completions", { model: "m", prompt });
    await post(sim, "/v1/completions", { model: "m", prompt, max_tokens: 4 });
    const page = await pageOf(sim);
    expect(sample(page, `vllm:prefix_cache_queries_total${labels}`)).toBe(320);
    expect(sample(page, `vllm:prefix_cache_hits_total${labels}`)).toBe(144);
    expect(sample(page, `vllm:prompt_tokens_total${labels}`)).toBe(320);
    expect(sample(page, `vllm:generation_tokens_total${labels}`)).toBe(20);
    expect(sample(page, 'vllm:request_success_total{engine="0",model_name="m",finished_reason="stop"}')).toBe(1);
    expect(sample(page, 'vllm:request_success_total{engine="0",model_name="m",finished_reason="length"}')).toBe(1);
    expect(sample(page, `vllm:time_to_first_token_seconds_count${labels}`)).toBe(2);
    expect(sample(page, 'vllm:time_to_first_token_seconds_bucket{engine="0",model_name="m",le="+Inf"}')).toBe(2);
    expect(page).toMatch(/^vllm:cache_config_info\{block_size="16",.*num_gpu_blocks="1024".*\} 1\.0$/m);
    expect(page).not.toContain("lora_requests_info");
  });

  it("shows what runs, waits and is in use", async () => {
    const sim = await startSim({ ttftMs: forever, maxNumSeqs: 2, numBlocks: 44 });
    for (let i = 0; i < 5; i++)
      post(sim, "/v1/completions", { model: "m", prompt: i + prompt.slice(1) }).catch(() => "gone");
    await until(() => sim.state().waiting === 3);
    const page = await pageOf(sim);
    expect(sample(page, `vllm:num_requests_running${labels}`)).toBe(2);
    expect(sample(page, `vllm:num_requests_waiting${labels}`)).toBe(3);
    expect(sample(page, `vllm:kv_cache_usage_perc${labels}`)).toBe(0.5);
  });

  it("tells the current adapters by the newest value, among all combinations that ever held", async () => {
    const sim = await startSim({ ttftMs: forever, loras: ["x", "y"], maxLoras: 1 });
    const abort = new AbortController();
    post(sim, "/v1/completions", { model: "x", prompt }).catch(() => "gone");
    await until(() => sim.state().running === 1);
    post(sim, "/v1/completions", { model: "y", prompt }, { signal: abort.signal }).catch(() => "gone");
    await until(() => sim.state().waiting === 1);
    const newest = async (): Promise<string> => {
      const series = [...(await pageOf(sim)).matchAll(/^vllm:lora_requests_info(\{.*\}) (.*)$/gm)];
      return series.sort((a, b) => Number(b[2]) - Number(a[2]))[0]![1]!;
    };
    expect(await newest()).toBe('{max_lora="1",running_lora_adapters="x",waiting_lora_adapters="y"}');
    abort.abort();
    await until(() => sim.state().waiting === 0);
    expect(await newest()).toBe('{max_lora="1",running_lora_adapters="x",waiting_lora_adapters=""}');
    expect((await pageOf(sim)).match(/^vllm:lora_requests_info/gm)!.length).toBeGreaterThan(1);
  });

  it("can be as long as a real page, in well-formed lines", async () => {
    const sim = await startSim({ metricsPaddingBytes: 32_768 });
    const page = await pageOf(sim);
    expect(page.length).toBeGreaterThanOrEqual(32_768);
    expect(page.length).toBeLessThan(33_000);
    const lines = page.trimEnd().split("\n");
    for (const line of lines)
      expect(line).toMatch(
        /^(# (HELP|TYPE) \S+ .+|[a-z_:][a-z\d_:]*(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [-+.\de]+)$/,
      );
    const names = lines.filter((line) => !line.startsWith("#")).map((line) => line.replace(/ \S+$/, ""));
    expect(new Set(names).size).toBe(names.length);
  });
});
