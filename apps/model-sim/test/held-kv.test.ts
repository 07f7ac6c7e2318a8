import { describe, expect, it } from "vitest";
import { createHeldKv, type KeptPrompt } from "../src/transfer/held-kv.ts";
import { createFakeClock } from "./fake-clock.ts";

const never = new AbortController().signal;

function kept(blocks = 3): KeptPrompt & { released: number } {
  const prompt = {
    tokens: 48,
    blocks,
    released: 0,
    release() {
      prompt.released++;
    },
  };
  return prompt;
}

describe("KV blocks that are kept for another server", () => {
  it("are found at once when they are there, and freed when they have been fetched", async () => {
    const held = createHeldKv(1_000, createFakeClock());
    const prompt = kept();
    held.hold("a", prompt);
    expect([held.requests, held.blocks]).toEqual([1, 3]);
    expect(await held.find("a", 0, never)).toBe(prompt);
    expect(prompt.released).toBe(0);
    held.finish("a");
    held.finish("a");
    expect(prompt.released).toBe(1);
    expect([held.requests, held.blocks, held.fetched, held.expired]).toEqual([0, 0, 1, 0]);
  });

  it("are freed when nobody has fetched them in time", async () => {
    const clock = createFakeClock();
    const held = createHeldKv(1_000, clock);
    const prompt = kept();
    held.hold("a", prompt);
    clock.advance(999);
    expect(prompt.released).toBe(0);
    clock.advance(1);
    expect([prompt.released, held.blocks, held.expired]).toEqual([1, 0, 1]);
    expect(await held.find("a", 0, never)).toBeUndefined();
  });

  it("may be waited for, until they come, the time is over, or the one who waits has gone", async () => {
    const clock = createFakeClock();
    const held = createHeldKv(1_000, clock);
    const soon = held.find("a", 100, never);
    const prompt = kept();
    held.hold("a", prompt);
    expect(await soon).toBe(prompt);
    const late = held.find("b", 100, never);
    clock.advance(100);
    expect(await late).toBeUndefined();
    const abort = new AbortController();
    const gone = held.find("c", 100, abort.signal);
    abort.abort();
    expect(await gone).toBeUndefined();
  });

  it("are replaced under a name that is used again, and all freed at the end", async () => {
    const held = createHeldKv(1_000, createFakeClock());
    const [first, second] = [kept(1), kept(2)];
    held.hold("a", first);
    held.hold("a", second);
    expect([first.released, held.blocks]).toEqual([1, 2]);
    const waiting = held.find("b", 100, never);
    held.close();
    expect([second.released, held.blocks, await waiting]).toEqual([1, 0, undefined]);
  });
});
