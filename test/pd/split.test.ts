import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithEnvoy } from "../envoy/harness/describe-with-envoy.ts";
import { eventsOf, open, post, read } from "../envoy/harness/http.ts";
import { until } from "../envoy/harness/poll.ts";
import { MODEL } from "../envoy/harness/stack.ts";
import { longPrompt } from "./harness/load.ts";
import { type PdStack, startPdStack } from "./harness/pd-stack.ts";

describeWithEnvoy("a request through Envoy, picker, sidecar and two simulators", () => {
  let stack: PdStack;
  beforeAll(async () => {
    stack = await startPdStack({ prefillFlags: ["--kv-transfer-timeout-ms", "1500"] });
  });
  afterAll(() => stack?.close());

  /** The sidecar gives both legs a request id of its own; any other header reaches both of them. */
  const named = (id: string) => ({ "x-request-id": id, "x-case": id });

  /** Requests of the simulators that belong to a case. */
  async function seen(id: string) {
    const of = async (sims: PdStack["prefill"]) =>
      (await Promise.all(sims.map((sim) => sim.state()))).flatMap(({ requests }) =>
        requests.filter(({ headers }) => headers["x-case"] === id),
      );
    return { prefill: await of(stack.prefill), decode: await of(stack.decode) };
  }

  it("G1 with a long prompt is prefilled on one and decoded on another server", async () => {
    const body = { model: MODEL, prompt: longPrompt("G1"), max_tokens: 12, ignore_eos: true, stream: true };
    const answer = await post(`${stack.url}/v1/completions`, body, named("case-g1"));
    expect(answer.status).toBe(200);
    expect(eventsOf(answer.text)).toHaveLength(12);
    expect(answer.text).toMatch(/data: \[DONE\]\n\n$/);
    const { prefill, decode } = await seen("case-g1");
    expect(prefill).toHaveLength(1);
    expect(prefill[0]).toMatchObject({ leg: "prefill", outcome: "served", stream: false, outputTokens: 1 });
    expect(decode).toHaveLength(1);
    expect(decode[0]).toMatchObject({ leg: "decode", outcome: "served", stream: true, outputTokens: 12 });
    expect(decode[0]!.remoteTokens).toBe(decode[0]!.promptTokens);
    for (const record of [...prefill, ...decode]) {
      expect(Object.keys(record.headers).filter((name) => name.startsWith("x-prefiller"))).toEqual([]);
    }
    await stack.expectIdle();
  });

  it("is explained by pointsman why: the stages and the decider's reason", async () => {
    const long = { model: MODEL, prompt: longPrompt("why"), max_tokens: 2 };
    await post(`${stack.url}/v1/completions`, long, named("case-why"));
    await stack.decided("case-why");
    const text = await stack.why("case-why");
    expect(text).toMatch(
      /prefill {3}runs: \d+ of \d+ tokens are not cached at 127\.0\.0\.1:\d+, at least nonCachedTokens 100/,
    );
    expect(text).toMatch(/profile decode[\s\S]*profile prefill/);
    await post(`${stack.url}/v1/completions`, { ...long, prompt: "hi" }, named("case-why-not"));
    await stack.decided("case-why-not");
    expect(await stack.why("case-why-not")).toMatch(/prefill {3}not run: the prompt has \d+ tokens, fewer than/);
  });

  it("is not split when the prompt is short, nor the second time when it is cached", async () => {
    await post(`${stack.url}/v1/completions`, { model: MODEL, prompt: "hello" }, named("case-short"));
    expect((await seen("case-short")).prefill).toEqual([]);
    expect((await seen("case-short")).decode[0]).toMatchObject({ outcome: "served", remoteTokens: 0 });

    const body = { model: MODEL, prompt: longPrompt("cached"), max_tokens: 2 };
    await post(`${stack.url}/v1/completions`, body, named("case-cold"));
    await stack.decided("case-cold");
    await post(`${stack.url}/v1/completions`, body, named("case-warm"));
    expect((await seen("case-cold")).prefill).toHaveLength(1);
    expect((await seen("case-warm")).prefill).toEqual([]);
    await stack.expectIdle();
  });

  it("G3 that streams is prefilled without a stream, which a prefill server would refuse", async () => {
    const asStream = { model: MODEL, prompt: "x", stream: true, kv_transfer_params: { do_remote_decode: true } };
    const refused = await post(`http://${stack.prefill[0]!.address}/v1/completions`, asStream);
    expect(refused.status).toBe(400);
    const chat = { model: MODEL, messages: [{ role: "user", content: longPrompt("G3") }], max_tokens: 3, stream: true };
    const answer = await post(`${stack.url}/v1/chat/completions`, chat, named("case-g3"));
    expect(answer.text).toMatch(/data: \[DONE\]\n\n$/);
    expect((await seen("case-g3")).prefill[0]).toMatchObject({ stream: false, outcome: "served" });
  });

  it("G4 may carry block ids as numbers, as vLLM writes them, or as texts", async () => {
    const remote = { do_remote_prefill: true, remote_engine_id: "e", remote_host: "127.0.0.1", remote_port: 1 };
    for (const remote_block_ids of [[1, 2, 3], ["DUMMY_ID"]]) {
      const body = { model: MODEL, prompt: "x", kv_transfer_params: { ...remote, remote_block_ids } };
      expect((await post(`http://${stack.decode[0]!.address}/v1/completions`, body)).status).toBe(200);
    }
  });

  it("leaves nothing behind when its client goes away in the middle of prefill or of decode", async () => {
    const slow = { model: MODEL, max_tokens: 2_000, ignore_eos: true, stream: true };
    const request = async (id: string): Promise<{ abort: AbortController; response: Promise<Response> }> => {
      const abort = new AbortController();
      const body = { ...slow, prompt: longPrompt(id) };
      return { abort, response: open(`${stack.url}/v1/completions`, body, named(id), abort.signal) };
    };
    const early = await request("case-early");
    await until("a prefill", async () => (await seen("case-early")).prefill.length === 1);
    early.abort.abort();
    await early.response.then((response) => read(response)).catch(() => undefined);

    const late = await request("case-late");
    const reader = (await late.response).body!.getReader();
    await reader.read();
    late.abort.abort();
    await reader.read().catch(() => undefined);
    // Blocks that nobody fetched are given up after 1.5 s here, and no sooner.
    await stack.expectIdle();
  });
});
