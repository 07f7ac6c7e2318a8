import { describe, expect, it } from "vitest";
import { destinationOf, expectReject, expectRoute, forwarded } from "./harness/expectations.ts";
import { B, BEnd, BODY, H, LLM, llmHeaders, plain, REQUEST_ID } from "./harness/notation.ts";
import { CFG_D, CFG_Q, startPicker } from "./harness/picker.ts";
import { until } from "./harness/replay.ts";
import { addressOf, scoresOf } from "./harness/scores.ts";
import { EP, type Pod, pod } from "./harness/test-pool.ts";
import { startTracedPicker } from "./harness/traced-picker.ts";

const cfgD = await startPicker(CFG_D);

describe("routing by load", () => {
  it("R01 routes to the shortest queue, with the target model in the body, counts the request and traces it", async () => {
    const { picker, receiver } = await startTracedPicker(CFG_D);
    picker.pool.set(EP(0, 3, 0.2), EP(1, 0, 0.1), EP(2, 10, 0.2));
    const replay = await picker.replay(LLM("test1", "my-model", "my-model-12345"));
    const { headers, asked } = expectRoute(replay, "192.168.1.2:8000", {
      body: BODY("my-model-12345", "test1"),
      sets: ["traceparent"],
    });
    expect(asked.set.get("content-length")).toBe("76");
    expect(headers).toContainEqual(["hi", "mom"]);
    expect(headers).toContainEqual(["x-request-id", REQUEST_ID]);
    const labels = { model_name: "my-model", target_model_name: "my-model-12345", priority: "2" };
    expect(await picker.metric("request_total", labels)).toBe(1);
    await until(async () => (await picker.metric("ready_endpoints", { name: "vllm-qwen3-32b-pool" })) === 3);
    const spans = await receiver.trace("gateway.request");
    const [request, orchestration] = ["gateway.request", "gateway.request_orchestration"].map((name) =>
      spans.find((span) => span.name === name),
    );
    expect(orchestration).toMatchObject({ traceId: request!.traceId, parentSpanId: request!.spanId });
  });

  it("R03 prefers the endpoint that has the adapter to one with a less used cache", async () => {
    cfgD.pool.set(EP(0, 10, 0.2, "foo", "bar"), EP(1, 10, 0.4, "foo", "sql-lora-1fdg2"), EP(2, 10, 0.3, "foo"));
    const replay = await cfgD.replay(LLM("test3", "sql-lora", "sql-lora-1fdg2"));
    expectRoute(replay, "192.168.1.2:8000", { body: BODY("sql-lora-1fdg2", "test3") });
  });

  it("R04 sheds nothing by default, however busy the pool is", async () => {
    cfgD.pool.set(EP(0, 6, 0.2, "foo", "bar", "sql-lora-1fdg2"), EP(1, 0, 0.85, "foo"), EP(2, 10, 0.9, "foo"));
    const replay = await cfgD.replay(LLM("test4", "sql-lora", "sql-lora-1fdg2"));
    expectRoute(replay, "192.168.1.1:8000", { body: BODY("sql-lora-1fdg2", "test4") });
  });

  it("R06 rewrites a model whose name is split over two chunks", async () => {
    cfgD.pool.set(EP(0, 4, 0.2, "foo", "bar", "sql-lora-1fdg3"), EP(1, 4, 0.85, "foo", "sql-lora-1fdg3"));
    const replay = await cfgD.replay([
      H(llmHeaders("sql-lora-sheddable", "sql-lora-1fdg3")),
      B('{"max_tokens":100,"model":"sql-lo'),
      BEnd('ra-sheddable","prompt":"test6","temperature":0}'),
    ]);
    expectRoute(replay, "192.168.1.1:8000", { body: BODY("sql-lora-1fdg3", "test6") });
    expect(cfgD.pool.notesAt("afterResponse")).toMatchObject([{ priority: 0 }]);
  });

  it("R07 returns the bytes as they came when the target is the model that was asked for", async () => {
    cfgD.pool.set(EP(0, 4, 0.2, "foo", "bar", "sql-lora-1fdg3"));
    const replay = await cfgD.replay([
      H(llmHeaders("direct-model", "direct-model")),
      B('{"max_tokens":100,"model":"direct-'),
      BEnd('model","prompt":"test6","temperature":0}'),
    ]);
    const { asked } = expectRoute(replay, "192.168.1.1:8000", { body: BODY("direct-model", "test6") });
    expect(asked.set.get("content-length")).toBe("74");
  });

  it("R13 gives up adapter affinity for an excessive queue, with the low-queue filter of v0.5.1", async () => {
    const picker = await startPicker({ ...CFG_D, profile: ["low-queue-filter", ...CFG_D.profile] });
    picker.pool.set(EP(0, 10, 0.2, "foo", "bar"), EP(1, 200, 0.1, "foo", "sql-lora-1fdg2"), EP(2, 6, 0.2, "foo"));
    const replay = await picker.replay(LLM("test3", "sql-lora", "sql-lora-1fdg2"));
    expectRoute(replay, "192.168.1.3:8000", { body: BODY("sql-lora-1fdg2", "test3") });
  });

  it("R14 refuses a sheddable request with 429 when the pool is saturated", async () => {
    const target = "sql-lora-1fdg2";
    cfgD.pool.set(EP(0, 6, 0.2, target), EP(1, 0, 0.85, target), EP(2, 10, 0.9, target));
    const replay = await cfgD.replay(LLM("test4", "sheddable", target));
    expectReject(replay, 429, "inference error: ResourceExhausted - system saturated, sheddable request dropped");
  });

  it("R15 serves a request when one endpoint has room, but sheds below priority 0 by the mean of the pool", async () => {
    const detector = {
      type: "utilization-detector",
      parameters: { queueDepthThreshold: 5, kvCacheUtilThreshold: 0.8 },
    };
    const picker = await startPicker({ ...CFG_D, detector, profile: ["utilization-detector", ...CFG_D.profile] });
    const target = "sql-lora-1fdg2";
    picker.pool.set(EP(0, 4, 0.2, target), EP(1, 0, 0.85, target), EP(2, 10, 0.9, target));
    expect(destinationOf(await picker.replay(LLM("test5", "sql-lora", target)))).toBe("192.168.1.1:8000");
    const sheddable = await picker.replay(LLM("test5", "sheddable", target));
    expectReject(sheddable, 429, /system saturated, sheddable request dropped$/);
  });

  it("R16 names fallbacks behind the first choice, in header and metadata alike", async () => {
    const picker = await startPicker({
      ...CFG_Q,
      profile: [...CFG_Q.profile.slice(0, -1), { type: "max-score-picker", parameters: { maxNumOfEndpoints: 3 } }],
    });
    const load = (waiting: number) => ({ metrics: { waiting, kvUsage: 0.1, active: [] } });
    picker.pool.set(
      pod("b", "192.168.2.100:8000", load(3)),
      pod("d", "192.168.5.100:8000", load(9)),
      pod("c", "192.168.4.100:8000", load(6)),
      pod("a", "192.168.1.100:8000", load(0)),
    );
    const body = BODY("m", "p");
    expectRoute(await picker.replay(plain(body)), "192.168.1.100:8000,192.168.2.100:8000,192.168.4.100:8000", { body });
  });

  it("R18 tells the scores of all candidates when it is asked to", async () => {
    const picker = await startPicker(CFG_D, { emitScores: true });
    picker.pool.set(EP(0, 0, 0.1, "my-model-12345"), EP(1, 5, 0.5, "my-model-12345"));
    const replay = await picker.replay(LLM("hello", "my-model", "my-model-12345"));
    const { metadata } = expectRoute(replay, "192.168.1.1:8000", { body: BODY("my-model-12345", "hello") });
    const scores = metadata["envoy.lb"]?.["x-gateway-destination-endpoint-scores"] as Record<string, number>;
    expect(Object.keys(scores).sort()).toEqual(["192.168.1.1:8000", "192.168.1.2:8000"]);
    expect(Math.min(...Object.values(scores))).toBeGreaterThanOrEqual(0);
    expect(scores["192.168.1.1:8000"]).toBeGreaterThan(scores["192.168.1.2:8000"]!);
  });

  it("R19 keeps the scores to itself by default", async () => {
    cfgD.pool.set(EP(0, 0, 0.1, "my-model-12345"), EP(1, 5, 0.5, "my-model-12345"));
    const { metadata } = forwarded(await cfgD.replay(LLM("hello", "my-model", "my-model-12345")));
    expect(metadata).toEqual({ "envoy.lb": { "x-gateway-destination-endpoint": "192.168.1.1:8000" } });
  });

  it("R21 breaks ties at random", async () => {
    cfgD.pool.set(EP(0, 1, 0.1), EP(1, 1, 0.1));
    const counts = new Map<string, number>();
    const body = BODY("m", "p");
    for (let block = 0; block < 10; block += 1) {
      const ids = Array.from({ length: 20 }, (_, i) => `tie-${block}-${i}`);
      const replays = await Promise.all(ids.map((id) => cfgD.replay(plain(body, { "x-request-id": id }))));
      for (const replay of replays) {
        const destination = destinationOf(replay);
        counts.set(destination, (counts.get(destination) ?? 0) + 1);
      }
    }
    expect([...counts.keys()].sort()).toEqual(["192.168.1.1:8000", "192.168.1.2:8000"]);
    expect(Math.min(...counts.values())).toBeGreaterThanOrEqual(60);
  });

  it("R22 scores queues between the longest and the shortest, and caches by what is free", async () => {
    const only = (scorer: string) =>
      startPicker({ profile: [scorer, "max-score-picker"], parsers: ["openai-parser"] }, { emitScores: true });
    const queue = await only("queue-scorer");
    const cache = await only("kv-cache-utilization-scorer");
    const scores = async (picker: typeof queue, ...pods: readonly Pod[]) => {
      picker.pool.set(...pods);
      const byAddress = await scoresOf(picker, plain(BODY("m", "p")));
      return pods.map((pod) => Number(byAddress.get(addressOf(pod))!.toFixed(9)));
    };
    expect(await scores(queue, EP(0, 10, 0), EP(1, 5, 0), EP(2, 0, 0))).toEqual([0, 0.5, 1]);
    expect(await scores(queue, EP(0, 5, 0), EP(1, 5, 0))).toEqual([1, 1]);
    expect(await scores(cache, EP(0, 0, 0.8), EP(1, 0, 0.5), EP(2, 0, 0))).toEqual([0.2, 0.5, 1]);
    expect(await scores(cache, EP(0, 0, 1), EP(1, 0, 0.5))).toEqual([0, 0.5]);
  });
});
