import { describe, expect, it } from "vitest";
import { startFromEnvironment } from "../harness/environment.ts";
import { destinationOf, forwarded } from "../harness/expectations.ts";
import { BODY, md, plain, RBEnd, RH, served, subset } from "../harness/notation.ts";
import type { TestPicker } from "../harness/picker.ts";
import { scoresOf } from "../harness/scores.ts";
import { EP, pod } from "../harness/test-pool.ts";

const A = pod("pod-a", "10.0.0.1:8000");
const B = pod("pod-b", "10.0.0.2:8000");
const C = pod("pod-c", "10.0.0.3:8000");

/** The totals in the order of the pool; NaN for an endpoint that is no candidate. */
async function totals(picker: TestPicker, prompt: string, headers: Record<string, string> = {}): Promise<number[]> {
  const scores = await scoresOf(picker, plain(BODY("m", prompt), headers));
  return picker.pool.endpoints.map(({ host, port }) => scores.get(`${host}:${port}`) ?? Number.NaN);
}

/** Lets an endpoint serve a prompt. */
async function serve(picker: TestPicker, prompt: string, address: string): Promise<void> {
  const messages = plain(BODY("m", prompt)).map((message) => md(message, subset([address])));
  const answer = [md(RH({ ":status": "200" }), served(address)), RBEnd("{}")];
  expect(destinationOf(await picker.replay([...messages, ...answer]))).toBe(address);
}

describe("the load-aware scorer", () => {
  it("F9 prefers the empty queue with 0.5, and rates the others against the threshold", async () => {
    const picker = await startFromEnvironment({ ENABLE_LOAD_AWARE_SCORER: "true" });
    picker.pool.set(EP(0, 2, 0), EP(1, 0, 0), EP(2, 5, 0));
    expect(await totals(picker, "p")).toEqual([0.4921875, 0.5, 0.48046875]);
    expect(destinationOf(await picker.replay(plain(BODY("m", "p"))))).toBe("192.168.1.2:8000");
  });

  it("F10 rates a queue at and above the threshold with 0", async () => {
    const picker = await startFromEnvironment({ ENABLE_LOAD_AWARE_SCORER: "true" });
    picker.pool.set(EP(0, 128, 0), EP(1, 500, 0));
    expect(await totals(picker, "p")).toEqual([0, 0]);
  });
});

describe("the prefix-aware scorer", () => {
  it("F12 finds a stored prompt again, also at the beginning of a longer one", async () => {
    const picker = await startFromEnvironment({ ENABLE_PREFIX_AWARE_SCORER: "true", PREFIX_SCORER_BLOCK_SIZE: "5" });
    picker.pool.set(A, B);
    await serve(picker, "hello", "10.0.0.1:8000");
    expect(await totals(picker, "hello")).toEqual([1, 0]);
    expect(await totals(picker, "hello world")).toEqual([1, 0]);
    expect(await totals(picker, "world")).toEqual([0, 0]);
  });

  it("F13 compares the hits of those that have any", async () => {
    const on = { ENABLE_PREFIX_AWARE_SCORER: "true", PREFIX_SCORER_BLOCK_SIZE: "4" };
    const uneven = await startFromEnvironment(on);
    uneven.pool.set(A, B, C);
    await serve(uneven, "aaaabbbbcccc", "10.0.0.1:8000");
    await serve(uneven, "aaaa", "10.0.0.2:8000");
    expect(await totals(uneven, "aaaabbbbcccc")).toEqual([1, 0, 0]);
    const even = await startFromEnvironment(on);
    even.pool.set(A, B, C);
    await serve(even, "aaaabbbb", "10.0.0.1:8000");
    await serve(even, "aaaabbbb", "10.0.0.2:8000");
    expect(await totals(even, "aaaabbbbcccc")).toEqual([1, 1, 0]);
  });
});

describe("the session-aware scorer", () => {
  const token = (id: string) => ({ "x-session-token": Buffer.from(id).toString("base64") });

  it("F15 rates the pod of the token with 1 and the others with 0; without a readable token nobody", async () => {
    const picker = await startFromEnvironment({ ENABLE_SESSION_AWARE_SCORER: "true" });
    picker.pool.set(A, B, C);
    expect(await totals(picker, "p", token("default/pod-a"))).toEqual([1, 0, 0]);
    expect(await totals(picker, "p", { "x-session-token": "%%% no base64" })).toEqual([0, 0, 0]);
    expect(await totals(picker, "p")).toEqual([0, 0, 0]);
  });

  it("F16 gives out the token of the pod that answers", async () => {
    const picker = await startFromEnvironment({ ENABLE_SESSION_AWARE_SCORER: "true" });
    picker.pool.set(A, B, C);
    const answer = [md(RH({ ":status": "200" }), served("10.0.0.2:8000")), RBEnd("{}")];
    const replay = await picker.replay([...plain(BODY("m", "p")), ...answer]);
    expect(forwarded(replay, "response").asked.set.get("x-session-token")).toBe("ZGVmYXVsdC9wb2QtYg==");
  });
});

describe("all of them together", () => {
  it("F24 are summed by weight, and not divided by the weights", async () => {
    const picker = await startFromEnvironment({
      ENABLE_LOAD_AWARE_SCORER: "true",
      LOAD_AWARE_SCORER_WEIGHT: "2",
      ENABLE_GIE_QUEUE_SCORER: "true",
      GIE_QUEUE_SCORER_WEIGHT: "3",
    });
    // An empty queue: 0.5 from the load scorer; all queues equal: 1 from the queue scorer.
    picker.pool.set(EP(0, 0, 0), EP(1, 0, 0));
    expect(await totals(picker, "p")).toEqual([4, 4]);
  });

  it("F25 leave equal totals to chance: three pods get a third each", async () => {
    const picker = await startFromEnvironment({ ENABLE_LOAD_AWARE_SCORER: "true" }, { emitScores: false });
    picker.pool.set(EP(0, 0, 0), EP(1, 0, 0), EP(2, 0, 0));
    const counts = new Map<string, number>();
    const batch = 50;
    for (let run = 0; run < 3_000; run += batch) {
      const replays = await Promise.all(
        Array.from({ length: batch }, (_, i) =>
          picker.replay(plain(BODY("m", "p"), { "x-request-id": `run-${run + i}` })),
        ),
      );
      for (const replay of replays) {
        const to = destinationOf(replay);
        counts.set(to, (counts.get(to) ?? 0) + 1);
      }
    }
    expect([...counts.values()]).toHaveLength(3);
    // Five standard deviations of a fair choice are 129; the choice is seeded, so this never flickers.
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(129);
  });
});

describe("without P/D", () => {
  it("F18 the decode pod serves short and long prompts, with score 0 and no prefill header", async () => {
    const picker = await startFromEnvironment({ PD_ENABLED: "false" });
    const roleOf = (role: string) => ({ labels: { "llm-d.ai/role": role } });
    picker.pool.set(pod("prefill", "1.2.3.4:80", roleOf("prefill")), pod("decode", "5.6.7.8:80", roleOf("decode")));
    for (const prompt of ["123", "12345678901"]) {
      const replay = await picker.replay(plain(BODY("m", prompt)));
      expect(destinationOf(replay)).toBe("5.6.7.8:80");
      expect(await totals(picker, prompt)).toEqual([Number.NaN, 0]);
      const names = forwarded(replay).headers.map(([name]) => name);
      expect(names.filter((name) => name.startsWith("x-prefiller"))).toEqual([]);
    }
  });
});
