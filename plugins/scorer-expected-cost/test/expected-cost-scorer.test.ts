import { KvBlockCount, KvBlockSize } from "@pointsman/plugin-api/keys";
import {
  configIssues,
  createTestPool,
  createTestRequest,
  scoresOf,
  setUpPlugin,
  value,
} from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import expectedCostScorer from "../src/index.ts";
import { answered, BLOCK_TOKENS, ended, holding, PROMPT_TOKENS, started } from "./call.ts";

const ALL = PROMPT_TOKENS / BLOCK_TOKENS;
/** No balance: what is looked at is the rest. */
const unbalanced = { balanceBias: 0, balanceFrom: 1_000, balanceFull: 2_000 };

describe("expected-cost-scorer", () => {
  it("prefers the endpoint with the most of the prompt cached, others in proportion", async () => {
    const { scores } = await started([holding("a", 0), holding("b", ALL / 2), holding("c", ALL)]);
    const [a, b, c] = scores();
    expect([a, c]).toEqual([0, 1]);
    expect(b).toBeCloseTo(0.5, 3);
  });

  it("scores 1 for all when nothing tells them apart", async () => {
    const { scores } = await started([holding("a", 3), holding("b", 3)]);
    expect(scores()).toEqual([1, 1]);
  });

  it("takes what nobody knows to be cached for uncached", async () => {
    const pool = createTestPool([{ name: "a" }, { name: "b" }]);
    const plugin = await setUpPlugin(expectedCostScorer, { pool });
    await plugin.start!();
    expect(scoresOf(plugin.scorer!, createTestRequest(), pool.candidates())).toEqual([1, 1]);
  });

  it("leaves a cache when the wait, as far as it counts, is longer than computing elsewhere", async () => {
    const busy = await started([holding("a", 0), holding("b", ALL / 2)], { ...unbalanced, waitWeight: 0.1 });
    const picks = Array.from({ length: 12 }, () => busy.route().endpoint.name).join("");
    // 3.2 s more each time: the eleventh finds 32 s of waiting, which count as much as the 3.2 s saved.
    expect(picks).toMatch(/^b{10,11}a/);
  });

  it("lets a wait count more while others are idle", async () => {
    // 3.2 s of waiting against 3.2 s of computing.
    const config = { ...unbalanced, waitWeight: 0, idleWaitWeight: 2 };
    const idle = await started([holding("a", ALL / 2), holding("b", 0), holding("c", 0), holding("d", 0)], config);
    const busy = await started([holding("a", ALL / 2), holding("b", 0), holding("c", 0), holding("d", 0)], config);
    idle.route("a");
    for (const name of ["a", "b", "c"]) busy.route(name);
    // (3/4)² × 2 × 3.2 s is more than 3.2 s, (1/4)² × 2 × 3.2 s is less.
    expect(idle.route().endpoint.name).not.toBe("a");
    expect(busy.route().endpoint.name).toBe("a");
  });

  it("lets waiting work run off with time", async () => {
    const { route, pass, scores } = await started([holding("a", 0), holding("b", 0)], { ...unbalanced, waitWeight: 1 });
    route("a");
    expect(scores()).toEqual([0, 1]);
    pass(PROMPT_TOKENS / 1_000);
    expect(scores()).toEqual([1, 1]);
  });

  it("knows that what came before an ended request is done, however slow it was believed to be", async () => {
    const { route, scores, plugin } = await started([holding("a", 0), holding("b", 0)], {
      ...unbalanced,
      waitWeight: 1,
    });
    route("a");
    const second = route("a");
    expect(scores()).toEqual([0, 1]);
    ended(plugin, second.request);
    expect(scores()).toEqual([1, 1]);
  });

  it("spreads requests that share a long beginning, though one endpoint alone has it cached", async () => {
    const { route, pass, plugin } = await started([holding("a", 0), holding("b", 0), holding("c", ALL - 10)]);
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (let i = 0; i < 600; i += 1) {
      const { request, endpoint } = route();
      counts[endpoint.name]! += 1;
      pass(60);
      ended(plugin, request);
    }
    // By work: 640 tokens at c, 6 400 elsewhere. Nobody is more than a quarter above the mean.
    const work = [6_400 * counts.a!, 6_400 * counts.b!, 640 * counts.c!];
    expect(Math.max(...work) / ((work[0]! + work[1]! + work[2]!) / 3)).toBeLessThan(1.35);
  });

  it("gives more to endpoints with a larger capacity label", async () => {
    const labels = { "pointsman.dev/capacity": "3" };
    const { route, pass, plugin } = await started([holding("a", 0), holding("b", 0, { labels })]);
    let large = 0;
    for (let i = 0; i < 400; i += 1) {
      const { request, endpoint } = route();
      if (endpoint.name === "b") large += 1;
      pass(60);
      ended(plugin, request);
    }
    // Exactly 300 would be in proportion; it may be up to a quarter of the mean above.
    expect(large).toBeGreaterThanOrEqual(295);
    expect(large).toBeLessThan(340);
  });

  it("takes the size of the KV cache for the capacity where nobody has a label", async () => {
    const room = (blocks: number) => ({ attributes: [value(KvBlockCount, blocks), value(KvBlockSize, 16)] });
    const endpoints = [holding("a", 0, room(10_000)), holding("b", 0, room(30_000))];
    expect((await started(endpoints)).scores()).toEqual([0, 1]);
    expect((await started(endpoints, { capacityLabel: "" })).scores()).toEqual([1, 1]);
  });

  it("avoids an endpoint whose KV cache is full of running requests", async () => {
    const room = { attributes: [value(KvBlockCount, (2 * PROMPT_TOKENS) / 16), value(KvBlockSize, 16)] };
    const subject = await started([holding("a", 0, room), holding("b", 0, room)], { ...unbalanced, waitWeight: 0 });
    const first = subject.route("a");
    subject.pass(60);
    // Two prompts fill it: 1 − 0.9 of it would be too much.
    expect(subject.scores()).toEqual([0, 1]);
    ended(subject.plugin, first.request);
    expect(subject.scores()).toEqual([1, 1]);
  });

  it("moves the books to the endpoint that serves", async () => {
    const { route, scores, plugin, pool } = await started([holding("a", 0), holding("b", 0)], {
      ...unbalanced,
      waitWeight: 1,
    });
    const { request } = route("a");
    answered(plugin, request, pool.candidates()[1]);
    expect(scores()).toEqual([1, 0]);
  });

  it.each([
    [
      "the proxy answered by itself",
      (s: Awaited<ReturnType<typeof started>>, r: ReturnType<typeof s.request>) =>
        answered(s.plugin, r, undefined, 503),
    ],
    [
      "the answer is an error",
      (s: Awaited<ReturnType<typeof started>>, r: ReturnType<typeof s.request>) =>
        answered(s.plugin, r, s.pool.candidates()[0], 500),
    ],
    [
      "nobody answered",
      (s: Awaited<ReturnType<typeof started>>, r: ReturnType<typeof s.request>) => ended(s.plugin, r, "unrouted"),
    ],
  ])("takes everything back when %s", async (_, happens) => {
    const subject = await started([holding("a", 0), holding("b", 0)], { waitWeight: 1 });
    const { request } = subject.route("a");
    expect(subject.scores()).toEqual([0, 1]);
    happens(subject, request);
    expect(subject.scores()).toEqual([1, 1]);
    ended(subject.plugin, request);
    expect(subject.scores()).toEqual([1, 1]);
  });

  it("does not send everything to an endpoint that joins", async () => {
    const { route, pass, plugin, pool } = await started([holding("a", 0), holding("b", 0)]);
    const serve = (): string => {
      const { request, endpoint } = route();
      pass(60);
      ended(plugin, request);
      return endpoint.name;
    };
    for (let i = 0; i < 100; i += 1) serve();
    pool.datastore.replace([
      { name: "a", host: "10.0.0.97", port: 8000 },
      { name: "b", host: "10.0.0.98", port: 8000 },
      { name: "c", host: "10.0.0.99", port: 8000 },
    ]);
    const picks = Array.from({ length: 30 }, serve);
    expect(picks.filter((name) => name === "c").length).toBeGreaterThan(5);
    expect(picks.filter((name) => name === "c").length).toBeLessThan(15);
  });

  it("hands its books over to its successor", async () => {
    const subject = await started([holding("a", 0), holding("b", 0)], { ...unbalanced, waitWeight: 1 });
    subject.route("a");
    const successor = await setUpPlugin(expectedCostScorer, {
      pool: subject.pool,
      config: { prefillTokensPerSecond: 1_000, idleWaitWeight: 0, ...unbalanced, waitWeight: 1 },
      previous: subject.plugin.handOver!(),
    });
    await successor.start!();
    expect(scoresOf(successor.scorer!, subject.request(), subject.pool.candidates())).toEqual([0, 1]);
  });

  it("refuses weights below 0 and a speed of 0", () => {
    expect(configIssues(expectedCostScorer, { waitWeight: -1, prefillTokensPerSecond: 0 })).toHaveLength(2);
  });
});
