import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Engine, type EngineEvent } from "../src/fleet/engine.ts";
import type { EngineModel } from "../src/fleet/engine-model.ts";
import type { TraceRequest } from "../src/trace/trace.ts";

/** One token a millisecond, ten milliseconds for each step, one for each answer. */
const model: EngineModel = {
  prefillTokensPerMs: 1,
  stepMs: 10,
  decodeMsPerAnswer: 1,
  maxBatchTokens: 1_000,
  maxRunning: 8,
};
const sizes = { traceBlockTokens: 100, engineBlockTokens: 10 };
const engineOf = (capacity = Number.POSITIVE_INFINITY, more: Partial<EngineModel> = {}): Engine =>
  new Engine(0, { ...model, ...more }, capacity, sizes);
const request = (first: number, blocks: number, outputTokens = 1): TraceRequest => ({
  atMs: 0,
  inputTokens: 100 * blocks,
  outputTokens,
  blocks: Int32Array.from({ length: blocks }, (_, i) => first + i),
});
/** `index kind @ time` of all events until the end. */
function drain(engine: Engine): string[] {
  const events: EngineEvent[] = [];
  engine.advance(Number.POSITIVE_INFINITY, events);
  return events.map(({ kind, atMs, sequence }) => `${sequence.index} ${kind} @ ${atMs}`);
}

describe("Engine", () => {
  it("gives the first token when the prompt is computed, the others a step each", () => {
    const engine = engineOf();
    engine.submit(0, request(0, 5, 3), 1_000);
    // 10 + 500, then twice 10 + 1.
    expect(drain(engine)).toEqual(["0 first-token @ 1510", "0 finished @ 1532"]);
  });

  it("computes only what is not cached, whole engine blocks apart, and always the last token", () => {
    const engine = engineOf();
    engine.submit(0, request(0, 5), 0);
    drain(engine);
    const again = engine.submit(1, request(0, 5), 2_000);
    const longer = engine.submit(2, { ...request(0, 6), inputTokens: 555 }, 2_000);
    drain(engine);
    expect([again.hitBlocks, again.uncachedTokens]).toEqual([5, 10]);
    expect([longer.hitBlocks, longer.uncachedTokens]).toEqual([5, 55]);
  });

  it("computes prompts in the order of arrival, as much in one step as the batch holds", () => {
    const engine = engineOf();
    engine.submit(0, request(0, 15), 0);
    engine.submit(1, request(100, 3), 0);
    engine.submit(2, request(200, 4), 0);
    // Steps of 1 000 (all of the first's), then 500 + 300 + 200, then 200.
    expect(drain(engine)).toEqual([
      "0 first-token @ 2020",
      "0 finished @ 2020",
      "1 first-token @ 2020",
      "1 finished @ 2020",
      "2 first-token @ 2230",
      "2 finished @ 2230",
    ]);
  });

  it("slows answers down while prompts are computed", () => {
    const engine = engineOf();
    engine.submit(0, request(0, 1, 3), 0);
    engine.advance(115, []);
    engine.submit(1, request(100, 5, 1), 115);
    // First token at 110; the step under way ends at 121; then one step of 10 + 500 + 1 with the second prompt in it.
    expect(drain(engine)).toEqual(["0 finished @ 632", "1 first-token @ 632", "1 finished @ 632"]);
  });

  it("lets requests wait while the KV cache is full of running ones, and the batch", () => {
    const full = engineOf(6);
    full.submit(0, request(0, 5, 50), 0);
    full.submit(1, request(100, 3), 0);
    full.advance(600, []);
    expect([full.running, full.waiting]).toEqual([1, 1]);
    expect(drain(full).map((line) => line.split(" @")[0])).toEqual(["0 finished", "1 first-token", "1 finished"]);
    const narrow = engineOf(100, { maxRunning: 1 });
    narrow.submit(0, request(0, 1, 50), 0);
    narrow.submit(1, request(100, 1), 0);
    narrow.advance(200, []);
    expect([narrow.running, narrow.waiting]).toEqual([1, 1]);
  });

  it("runs a request that is larger than the whole cache, alone", () => {
    const engine = engineOf(3);
    engine.submit(0, request(0, 5), 0);
    expect(drain(engine)).toEqual(["0 first-token @ 510", "0 finished @ 510"]);
    expect(engine.cache.size).toBeLessThanOrEqual(3);
  });

  it("finishes everything, wherever time is cut, at the same moments", () => {
    const requests = fc.array(
      fc.record({
        first: fc.nat(20),
        blocks: fc.integer({ min: 1, max: 14 }),
        output: fc.integer({ min: 0, max: 30 }),
      }),
      {
        minLength: 1,
        maxLength: 25,
      },
    );
    fc.assert(
      fc.property(requests, fc.array(fc.integer({ min: 1, max: 3_000 }), { maxLength: 20 }), (list, cuts) => {
        const run = (stops: readonly number[]): string[] => {
          const engine = engineOf(20);
          list.forEach(({ first, blocks, output }, i) => void engine.submit(i, request(10 * first, blocks, output), 0));
          const events: EngineEvent[] = [];
          for (const stop of [...stops].sort((a, b) => a - b)) engine.advance(stop, events);
          engine.advance(Number.POSITIVE_INFINITY, events);
          expect(engine.cache.held).toBe(0);
          return events.map(({ kind, atMs, sequence }) => `${sequence.index} ${kind} @ ${atMs.toFixed(6)}`);
        };
        const whole = run([]);
        expect(whole).toHaveLength(2 * list.length);
        expect(run(cuts)).toEqual(whole);
      }),
      { numRuns: 100 },
    );
  });
});
