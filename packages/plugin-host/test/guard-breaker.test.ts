import { describe, expect, it } from "vitest";
import { durationBucketsMs } from "../src/guard/call-meter.ts";
import { candidatesOf, completion, guard, request } from "./guards.ts";

/** A scorer that fails while `broken`, and counts how often it was asked. */
function failing() {
  const state = { broken: true, asked: 0 };
  const scorer = {
    score(_request: unknown, _candidates: unknown, scores: Float64Array) {
      state.asked += 1;
      if (state.broken) throw new Error("boom");
      scores.fill(0.5);
    },
  };
  const it = guard({ scorer }, {}, { breakerThreshold: 3, breakerCoolDownMs: 1_000 });
  const call = (times = 1) => {
    const scores = new Float64Array(1).fill(Number.NaN);
    for (let i = 0; i < times; i += 1) it.guarded.scorer!.score(request, candidatesOf(1), scores);
    return scores[0];
  };
  return { ...it, state, call };
}

describe("the circuit of a capability", () => {
  it("opens after so many failures in a row, and the plugin is left alone", () => {
    const { state, call, changes, breakerOf } = failing();
    call(2);
    state.broken = false;
    call();
    state.broken = true;
    call(2);
    expect(breakerOf("scorer").state).toBe("closed");
    call();
    expect(breakerOf("scorer").state).toBe("open");
    expect(changes).toEqual([["scorer", "open"]]);
    expect(state.asked).toBe(6);
    state.broken = false;
    // It abstains without being asked, and nothing is counted for it.
    expect(call(100)).toBeNaN();
    expect(state.asked).toBe(6);
  });

  it("lets one probe through after the pause, which closes it", () => {
    const { state, call, clock, changes } = failing();
    call(3);
    clock.now += 999;
    call();
    expect(state.asked).toBe(3);
    clock.now += 1;
    state.broken = false;
    expect(call()).toBe(0.5);
    expect(changes).toEqual([
      ["scorer", "open"],
      ["scorer", "closed"],
    ]);
    state.broken = true;
    // Closed means closed: it takes as many failures as before to open it again.
    call(2);
    expect(changes).toHaveLength(2);
    call();
    expect(changes).toHaveLength(3);
  });

  it("stays open after a failed probe, each time twice as long, up to 32 times", () => {
    const { state, call, clock } = failing();
    call(3);
    for (const pause of [1, 2, 4, 8, 16, 32, 32]) {
      const before = state.asked;
      clock.now += pause * 1_000 - 1;
      call(5);
      expect(state.asked).toBe(before);
      clock.now += 1;
      call(5);
      expect(state.asked).toBe(before + 1);
    }
    clock.now += 32_000;
    state.broken = false;
    call();
    state.broken = true;
    call(3);
    clock.now += 1_000;
    const before = state.asked;
    call();
    expect(state.asked).toBe(before + 1);
  });

  it("admits one asynchronous probe at a time, and another one when the first never ends", async () => {
    let asked = 0;
    let answer: () => Promise<void> = () => Promise.reject(new Error("boom"));
    const producer = {
      produce: () => {
        asked += 1;
        return answer();
      },
    };
    const { guarded, clock, breakerOf } = guard({ producer }, {}, { breakerThreshold: 1, breakerCoolDownMs: 1_000 });
    const produce = () => guarded.producer!.produce(request, candidatesOf(1), {} as never);
    await produce();
    expect(breakerOf("producer").state).toBe("open");
    answer = () => new Promise(() => {});
    clock.now += 1_000;
    void produce();
    void produce();
    expect([asked, breakerOf("producer").state]).toEqual([2, "probing"]);
    clock.now += 1_000;
    answer = async () => {};
    await produce();
    expect([asked, breakerOf("producer").state]).toEqual([3, "closed"]);
  });

  it("does not change by what was admitted before it opened", async () => {
    const settle: { resolve(): void; reject(error: Error): void }[] = [];
    const producer = {
      produce: () => new Promise<void>((resolve, reject) => void settle.push({ resolve, reject })),
    };
    const { guarded, clock, changes, breakerOf, meterOf } = guard(
      { producer },
      {},
      { breakerThreshold: 1, breakerCoolDownMs: 1_000 },
    );
    const calls = [1, 2, 3].map(() => guarded.producer!.produce(request, candidatesOf(1), {} as never));
    settle[0]!.reject(new Error("boom"));
    settle[1]!.resolve();
    settle[2]!.reject(new Error("boom"));
    await Promise.all(calls);
    expect([breakerOf("producer").state, meterOf("producer").errors]).toEqual(["open", 2]);
    expect(changes).toEqual([["producer", "open"]]);
    clock.now += 1_000;
    expect(breakerOf("producer").allows()).toBe(true);
  });

  it("belongs to one capability: the others of the instance go on", () => {
    const { guarded, breakerOf } = guard(
      {
        scorer: {
          score() {
            throw new Error("boom");
          },
        },
        decider: { decide: () => true },
      },
      {},
      { breakerThreshold: 1 },
    );
    guarded.scorer!.score(request, candidatesOf(1), new Float64Array(1));
    expect(breakerOf("scorer").state).toBe("open");
    expect(guarded.decider!.decide(request, {} as never)).toBe(true);
  });

  it("tells the cause when it opens", () => {
    const causes: unknown[] = [];
    const error = new Error("boom");
    const { guarded } = guard(
      {
        decider: {
          decide() {
            throw error;
          },
        },
      },
      { name: "name" },
      { breakerThreshold: 1, onBreaker: (...args) => causes.push(args) },
    );
    guarded.decider!.decide(request, {} as never);
    expect(causes).toEqual([["name", "decider", "open", error]]);
  });
});

describe("afterResponse", () => {
  it("runs while its circuit is open, since a counter that is not given back stays wrong", () => {
    const state = { broken: true, ran: 0 };
    const { guarded, clock, changes } = guard(
      {
        afterResponse() {
          state.ran += 1;
          if (state.broken) throw new Error("boom");
        },
      },
      {},
      { breakerThreshold: 2, breakerCoolDownMs: 1_000 },
    );
    for (let i = 0; i < 10; i += 1) guarded.afterResponse!(request, completion);
    expect(state.ran).toBe(10);
    // Ten failures are one event, not nine.
    expect(changes).toEqual([["afterResponse", "open"]]);
    state.broken = false;
    guarded.afterResponse!(request, completion);
    expect(changes).toHaveLength(1);
    clock.now += 1_000;
    guarded.afterResponse!(request, completion);
    expect([state.ran, changes[1]]).toEqual([12, ["afterResponse", "closed"]]);
  });
});

describe("a slow call", () => {
  it("has its say, is counted as a failure, and opens the circuit like one", () => {
    const scorer = { score: (_r: unknown, _c: unknown, scores: Float64Array) => void scores.fill(0.5) };
    // Nothing is faster than a budget below zero: no clock is needed to be slow.
    const { guarded, meterOf, breakerOf } = guard({ scorer }, {}, { budgetMs: -1, breakerThreshold: 2 });
    const scores = new Float64Array(1).fill(Number.NaN);
    guarded.scorer!.score(request, candidatesOf(1), scores);
    expect(scores[0]).toBe(0.5);
    expect(meterOf("scorer")).toMatchObject({ calls: 1, errors: 1 });
    expect(String(meterOf("scorer").lastError)).toMatch(/^Error: took \d+\.\d ms, the budget is -1 ms$/);
    guarded.scorer!.score(request, candidatesOf(1), scores);
    expect(breakerOf("scorer").state).toBe("open");
  });
});

describe("the meter", () => {
  it("counts calls into buckets by duration, the last of them for what is longer than all bounds", () => {
    const { guarded, meterOf } = guard({ decider: { decide: () => true } });
    guarded.decider!.decide(request, {} as never);
    const meter = meterOf("decider");
    expect(meter.calls).toBe(1);
    expect(meter.buckets.reduce((sum, count) => sum + count)).toBe(1);
    for (const ms of [0.1, 0.11, 100, 101]) meter.observe(ms);
    expect(meter.buckets).toHaveLength(durationBucketsMs.length + 1);
    expect(meter.buckets.at(-1)).toBe(1);
    expect(meter.buckets.at(-2)).toBe(1);
    expect(meter.buckets[1]).toBe(1);
    expect(meter.maxMs).toBe(101);
    expect(meter.sumMs).toBeGreaterThanOrEqual(201.21);
  });
});
