import { describe, expect, it } from "vitest";
import { createEngine, type EngineOptions, type EngineRequest, type EngineWork } from "../src/engine/engine.ts";
import { createGeneratedText } from "../src/formats/generated-text.ts";
import { tokenize } from "../src/formats/tokens.ts";
import { createFakeClock } from "./fake-clock.ts";

const defaults: EngineOptions = {
  maxNumSeqs: 4,
  blockSize: 4,
  numBlocks: 100,
  ttftMs: 100,
  prefillUsPerToken: 1000,
  interTokenMs: 10,
  jitter: 0,
  seed: 1,
  maxLoras: 1,
};

function setUp(options: Partial<EngineOptions> = {}) {
  const clock = createFakeClock();
  const engine = createEngine({ ...defaults, ...options }, clock);
  const finished: string[] = [];
  const submit = (name: string, tokens: number, work: Partial<EngineWork> = {}): EngineRequest =>
    engine.submit({
      namespace: "m",
      prompt: new Uint32Array(tokens).map((_, i) => name.charCodeAt(0) * 1000 + i),
      outputTokens: 3,
      choices: 1,
      onFinish: () => finished.push(name),
      ...work,
    });
  return { clock, engine, finished, submit };
}

describe("the blocks of a request", () => {
  it("stay allocated at its end for as long as somebody keeps them", () => {
    const { clock, engine, submit } = setUp({ numBlocks: 10 });
    let release: (() => void) | undefined;
    let kept = 0;
    const keep = (letGo: () => void, blocks: number): void => {
      release = letGo;
      kept = blocks;
    };
    submit("a", 20, { outputTokens: 1, keep });
    const waiting = submit("b", 24);
    clock.advance(1000);
    expect([kept, engine.kvUsage, waiting.state]).toEqual([6, 0.6, "waiting"]);
    release!();
    clock.advance(1000);
    expect([engine.kvUsage, waiting.state]).toEqual([0, "finished"]);
  });

  it("that came from another server need not be computed", () => {
    const { clock, submit } = setUp();
    const request = submit("a", 20, { remoteTokens: 20 });
    clock.advance(10);
    expect([request.cachedTokens, request.emitted]).toEqual([20, 1]);
  });
});

describe("the time of a request", () => {
  it("is the base, the uncached prompt and the tokens in between", () => {
    const { clock, submit } = setUp();
    const request = submit("a", 20);
    clock.advance(119);
    expect(request.state).toBe("prefill");
    clock.advance(1);
    expect([request.state, request.emitted]).toEqual(["decode", 1]);
    clock.advance(20);
    expect([request.state, request.firstTokenAt, request.finishedAt]).toEqual(["finished", 120, 140]);
  });

  it("is shorter when the prompt is in the cache, whose last token is computed nevertheless", () => {
    const { clock, submit } = setUp();
    submit("a", 20);
    clock.advance(1000);
    const again = submit("a", 20);
    expect(again.cachedTokens).toBe(16);
    clock.advance(1000);
    expect(again.firstTokenAt! - again.startedAt!).toBe(104);
  });

  it("is longer when prompts delay each other and what is decoding, as far as that was asked for", () => {
    const { clock, submit } = setUp({ prefillInterference: 0.5, ttftMs: 0 });
    const first = submit("a", 20, { outputTokens: 5 });
    clock.advance(20);
    expect(first.emitted).toBe(1);
    // Two prompts of 40 ms, one after the other: the decoding request loses half of that.
    const [second, third] = [submit("b", 40), submit("c", 40)];
    clock.advance(49);
    expect([first.emitted, second.emitted]).toEqual([1, 1]);
    clock.advance(1);
    expect(first.emitted).toBe(2);
    clock.advance(30);
    expect(third.firstTokenAt! - third.startedAt!).toBe(80);
  });

  it("counts no hit for another model or adapter with the same prompt", () => {
    const { clock, submit } = setUp();
    submit("a", 20);
    clock.advance(1000);
    expect(submit("a", 20, { namespace: "other" }).cachedTokens).toBe(0);
  });

  it("finds the blocks of an answer again when the next turn repeats it", () => {
    const { clock, engine, submit } = setUp();
    const prompt = tokenize("question".repeat(5));
    const answer = createGeneratedText(7, 0, 8, "stop");
    submit("a", 0, { prompt, outputTokens: 8, output: () => answer.tokens() });
    clock.advance(1000);
    const nextTurn = tokenize(`${"question".repeat(5)}${answer.text()}and now?`);
    // 10 tokens of prompt and 8 of answer are 4 whole blocks.
    expect(
      engine.submit({ namespace: "m", prompt: nextTurn, outputTokens: 1, choices: 1, onFinish() {} }).cachedTokens,
    ).toBe(16);
  });

  it("catches up when the event loop was late, and reports all tokens that are due at once", () => {
    const clock = createFakeClock();
    const late: (() => void)[] = [];
    const engine = createEngine(defaults, {
      now: clock.now,
      setTimer: (_ms, run) => {
        late.push(run);
        return () => undefined;
      },
    });
    const seen: number[][] = [];
    engine.submit({
      namespace: "m",
      prompt: new Uint32Array(1),
      outputTokens: 5,
      choices: 1,
      onTokens: (from, count) => seen.push([from, count]),
      onFinish: () => seen.push([-1, -1]),
    });
    clock.advance(125);
    late.pop()!();
    expect(seen).toEqual([[0, 3]]);
    clock.advance(1000);
    late.pop()!();
    expect(seen).toEqual([
      [0, 3],
      [3, 2],
      [-1, -1],
    ]);
  });

  it("is zero when all timings are, but nothing happens before submit has returned", () => {
    const { clock, engine, finished, submit } = setUp({
      ttftMs: 0,
      prefillUsPerToken: 0,
      interTokenMs: 0,
      maxNumSeqs: 1,
    });
    for (const name of ["a", "b", "c"]) submit(name, 8, { outputTokens: 1000 });
    expect(finished).toEqual([]);
    clock.advance(0);
    expect(finished).toEqual(["a", "b", "c"]);
    expect([engine.running, engine.waiting, engine.kvUsage]).toEqual([0, 0, 0]);
  });

  it("stays within the jitter and repeats itself for the same seed", () => {
    const times = (seed: number): number[] => {
      const { clock, submit } = setUp({ jitter: 0.5, seed, maxNumSeqs: 50 });
      const requests = Array.from({ length: 50 }, () => submit("a", 1));
      clock.advance(10_000);
      return requests.map((request) => request.firstTokenAt!);
    };
    const first = times(3);
    expect(Math.min(...first)).toBeGreaterThanOrEqual(50.5);
    expect(Math.max(...first)).toBeLessThanOrEqual(151.5);
    expect(new Set(first).size).toBeGreaterThan(40);
    expect(times(3)).toEqual(first);
    expect(times(4)).not.toEqual(first);
  });
});

describe("the queue", () => {
  it("lets as many compute as the batch limit says, and the rest in the order of their arrival", () => {
    const { clock, engine, finished, submit } = setUp({ maxNumSeqs: 2 });
    for (const name of ["a", "b", "c", "d"]) submit(name, 10);
    expect([engine.running, engine.waiting]).toEqual([2, 2]);
    clock.advance(130);
    expect(finished).toEqual(["a", "b"]);
    expect([engine.running, engine.waiting]).toEqual([2, 0]);
    clock.advance(130);
    expect(finished).toEqual(["a", "b", "c", "d"]);
  });

  it("holds back who finds too few KV blocks, and nobody overtakes him", () => {
    const { clock, engine, finished, submit } = setUp({ numBlocks: 10 });
    submit("a", 20);
    const large = submit("b", 30);
    const small = submit("c", 4);
    expect([engine.running, large.state, small.state]).toEqual([1, "waiting", "waiting"]);
    expect(engine.kvUsage).toBeCloseTo(0.6);
    clock.advance(10_000);
    expect(finished).toEqual(["a", "b", "c"]);
  });

  it("lets a request that is larger than the whole cache run alone", () => {
    const { clock, engine, finished, submit } = setUp({ numBlocks: 10 });
    submit("a", 4000);
    submit("b", 4);
    expect([engine.running, engine.kvUsage]).toEqual([1, 1]);
    clock.advance(100_000);
    expect(finished).toEqual(["a", "b"]);
    expect(engine.kvUsage).toBe(0);
  });

  it("lets others pass a request whose adapter has no slot", () => {
    const { clock, engine, finished, submit } = setUp({ maxLoras: 1 });
    submit("a", 4, { adapter: "x" });
    submit("b", 4, { adapter: "y" });
    submit("c", 4);
    submit("d", 4, { adapter: "x" });
    expect([engine.running, engine.waiting]).toEqual([3, 1]);
    expect([engine.adapters.running(), engine.adapters.waiting()]).toEqual([["x"], ["y"]]);
    clock.advance(10_000);
    expect(finished).toEqual(["a", "c", "d", "b"]);
    expect([engine.adapters.running(), engine.adapters.waiting()]).toEqual([[], []]);
  });

  it("reserves blocks for the output of every choice", () => {
    const { engine, submit } = setUp();
    submit("a", 8, { choices: 3, outputTokens: 4 });
    expect(engine.kvUsage).toBeCloseTo(0.05);
  });
});

describe("an abort", () => {
  it("frees slot and blocks at once, and the next request starts", () => {
    const { engine, submit } = setUp({ maxNumSeqs: 1 });
    const first = submit("a", 40);
    const second = submit("b", 4);
    first.abort();
    expect([first.state, second.state, engine.running]).toEqual(["aborted", "prefill", 1]);
    second.abort();
    second.abort();
    expect([engine.running, engine.waiting, engine.kvUsage]).toEqual([0, 0, 0]);
  });

  it("takes a waiting request out of the queue and out of the waiting adapters", () => {
    const { clock, engine, finished, submit } = setUp({ maxNumSeqs: 1 });
    submit("a", 4);
    submit("b", 4, { adapter: "x" }).abort();
    submit("c", 4);
    expect([engine.waiting, engine.adapters.waiting()]).toEqual([1, []]);
    clock.advance(10_000);
    expect(finished).toEqual(["a", "c"]);
  });

  it("before the first token leaves nothing in the cache, for nothing was computed", () => {
    const { clock, engine, submit } = setUp();
    submit("a", 40).abort();
    expect(engine.cachedBlocks).toBe(0);
    const decoding = submit("a", 40);
    clock.advance(145);
    decoding.abort();
    expect(engine.cachedBlocks).toBe(10);
  });

  it("may come from within the callback of the request itself", () => {
    const { clock, engine, finished, submit } = setUp();
    const request = submit("a", 4, { onTokens: () => request.abort() });
    clock.advance(10_000);
    expect([request.emitted, finished, engine.running]).toEqual([1, [], 0]);
  });

  it("of everything happens when the engine is closed", () => {
    const { clock, engine, finished, submit } = setUp({ maxNumSeqs: 1 });
    const requests = [submit("a", 4), submit("b", 4), submit("c", 4)];
    engine.close();
    clock.advance(10_000);
    expect(requests.map(({ state }) => state)).toEqual(["aborted", "aborted", "aborted"]);
    expect([finished, engine.running, engine.waiting, submit("d", 4).state]).toEqual([[], 0, 0, "aborted"]);
  });
});
