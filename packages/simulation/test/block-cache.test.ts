import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BlockCache } from "../src/fleet/block-cache.ts";

const prompt = (...blocks: number[]): Int32Array => Int32Array.from(blocks);
/** A request that comes and goes. */
function serve(cache: BlockCache, ...blocks: number[]): void {
  cache.release(cache.take(prompt(...blocks), 0), 0);
}

describe("BlockCache", () => {
  it("matches leading blocks only", () => {
    const cache = new BlockCache(8);
    serve(cache, 1, 2, 3);
    expect([prompt(1, 2, 9), prompt(9, 2, 3), prompt(1, 2, 3, 4)].map((blocks) => cache.match(blocks))).toEqual([
      2, 0, 3,
    ]);
  });

  it("gives up the longest unused prompt first, and of it the end before the beginning", () => {
    const cache = new BlockCache(6);
    serve(cache, 1, 2, 3);
    serve(cache, 4, 5, 6);
    serve(cache, 7);
    expect([cache.match(prompt(1, 2, 3)), cache.match(prompt(4, 5, 6))]).toEqual([2, 3]);
    serve(cache, 1);
    serve(cache, 8, 9);
    expect([cache.match(prompt(1, 2, 3)), cache.match(prompt(4, 5, 6))]).toEqual([1, 2]);
  });

  it("keeps what running requests hold, their answers included", () => {
    const cache = new BlockCache(5);
    const taken = cache.take(prompt(1, 2), 2);
    expect(cache.held).toBe(4);
    expect([cache.fits(prompt(3), 0), cache.fits(prompt(3, 4), 0), cache.fits(prompt(1, 2, 3), 0)]).toEqual([
      true,
      false,
      true,
    ]);
    serve(cache, 3);
    serve(cache, 4);
    expect([cache.has(1), cache.has(3), cache.has(4)]).toEqual([true, false, true]);
    cache.release(taken, 2);
    expect([cache.held, cache.match(prompt(1, 2))]).toEqual([0, 2]);
  });

  it("keeps the beginning of a prompt that is larger than the cache", () => {
    const cache = new BlockCache(3);
    const taken = cache.take(prompt(1, 2, 3, 4, 5), 0);
    expect([...taken]).toEqual([1, 2, 3]);
    cache.release(taken, 0);
    expect([cache.held, cache.size]).toEqual([0, 3]);
  });

  it("tells what it gives up", () => {
    const gone: number[] = [];
    const cache = new BlockCache(2, (block) => gone.push(block));
    serve(cache, 1, 2);
    serve(cache, 3);
    expect(gone).toEqual([2]);
  });

  it("is what a plain list of blocks in the order of their use would be, and never larger than its capacity", () => {
    const operations = fc.array(
      fc.record({ blocks: fc.uniqueArray(fc.nat(12), { minLength: 1, maxLength: 6 }), overlaps: fc.boolean() }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 14 }), operations, (capacity, steps) => {
        const cache = new BlockCache(capacity);
        /** Idle blocks, the longest unused first. */
        let idle: number[] = [];
        let held: { readonly blocks: readonly number[]; readonly taken: Int32Array }[] = [];
        const isHeld = (block: number): boolean => held.some(({ blocks }) => blocks.includes(block));
        const release = ({ blocks, taken }: (typeof held)[number]): void => {
          cache.release(taken, 0);
          held = held.filter((item) => item.taken !== taken);
          for (const block of [...blocks].reverse()) if (!isHeld(block)) idle.push(block);
        };
        for (const { blocks, overlaps } of steps) {
          if (!overlaps) for (const item of held) release(item);
          const all = new Set([...held.flatMap((item) => item.blocks), ...blocks]);
          expect(cache.fits(prompt(...blocks), 0)).toBe(all.size <= capacity);
          if (all.size > capacity) continue;
          const taken = cache.take(prompt(...blocks), 0);
          held = [...held, { blocks, taken }];
          idle = idle.filter((block) => !blocks.includes(block));
          idle = idle.slice(Math.max(0, all.size + idle.length - capacity));
          for (let block = 0; block <= 12; block += 1) {
            expect(cache.has(block)).toBe(idle.includes(block) || isHeld(block));
          }
          expect(cache.held).toBe(all.size);
          expect(cache.size).toBeLessThanOrEqual(capacity);
        }
      }),
      { numRuns: 300 },
    );
  });
});
