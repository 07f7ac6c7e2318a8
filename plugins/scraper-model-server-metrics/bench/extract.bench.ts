import { setUpPlugin } from "@pointsman/plugin-testkit";
import { Bench } from "tinybench";
import { coreMetricsExtractor } from "../src/core-metrics-extractor.ts";
import { vllmPage } from "../test/vllm-page.ts";

/** What one metrics page of 32 KiB costs, locating and parsing and handing over the values: median µs. */

const lora =
  'vllm:lora_requests_info{max_lora="4",running_lora_adapters="sql, chat",waiting_lora_adapters="poet"} 1.7239912355e+09';
const write = { set() {} };

/** Pages of a server under load: every number grows, now and then by a digit. */
function pagesUnderLoad(withLora: boolean): Buffer[] {
  return Array.from({ length: 64 }, (_, i) =>
    vllmPage({
      served: 900 + i * 37,
      waiting: i % 12,
      running: 90 + i,
      kvUsage: 0.3 + i / 1_000,
      ...(withLora ? { lora } : {}),
    }),
  );
}

const { extractor, pool } = await setUpPlugin(coreMetricsExtractor, { endpoints: [{}] });
const endpoint = pool.datastore.snapshot().endpoints[0]!;
const strangers = Array.from({ length: 10_000 }, (_, i) => ({ ...endpoint, id: `default/${i}`, labels: {} }));

async function measure(name: string, pages: readonly Buffer[], of: (turn: number) => typeof endpoint): Promise<void> {
  let turn = 0;
  const bench = new Bench({ time: 400, warmupTime: 150 });
  bench.add(name, () => {
    turn += 1;
    extractor!.extract(of(turn), { format: "prometheus-text", body: pages[turn % pages.length]! }, write);
  });
  await bench.run();
  const { result } = bench.tasks[0]!;
  if (!("latency" in result)) throw new Error(`${name} did not finish`);
  console.log(
    `${String(pages[0]!.length).padStart(6)} B  ${name.padEnd(44)} ${(1000 * result.latency.p50).toFixed(1).padStart(6)} µs`,
  );
}

await measure("the next page, under load", pagesUnderLoad(true), () => endpoint);
await measure("the next page, under load, no adapter metric", pagesUnderLoad(false), () => endpoint);
await measure("the same page again", [vllmPage({ lora })], () => endpoint);
await measure(
  "the first page of an endpoint",
  pagesUnderLoad(true),
  (turn) => strangers[turn % strangers.length] as typeof endpoint,
);
