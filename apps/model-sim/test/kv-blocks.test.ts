import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { extendBlockKeys, startBlockChain } from "../src/engine/block-keys.ts";
import { createKvBlocks, type KvLease } from "../src/engine/kv-blocks.ts";

describe("block keys", () => {
  const keysOf = (namespace: string, tokens: number[]): number[] => {
    const keys: number[] = [];
    extendBlockKeys(startBlockChain(namespace), Uint32Array.from(tokens), 2, keys, 100);
    return keys;
  };

  it("are equal exactly as far as the prefixes are", () => {
    const one = keysOf("m", [1, 2, 3, 4, 5, 6]);
    const other = keysOf("m", [1, 2, 3, 9, 5, 6, 7]);
    expect(one).toHaveLength(3);
    expect(one[0]).toBe(other[0]);
    expect(one[1]).not.toBe(other[1]);
    expect(one[2]).not.toBe(other[2]);
    expect(keysOf("n", [1, 2])[0]).not.toBe(one[0]);
  });

  it("continue across a pause as without one", () => {
    const keys: number[] = [];
    const chain = extendBlockKeys(startBlockChain("m"), Uint32Array.from([1, 2]), 2, keys, 100);
    extendBlockKeys(chain, Uint32Array.from([3, 4]), 2, keys, 100);
    expect(keys).toEqual(keysOf("m", [1, 2, 3, 4]));
  });

  it("do not collide among a hundred thousand similar blocks", () => {
    const keys = new Set<number>();
    for (let i = 0; i < 100_000; i++) {
      const [key] = keysOf("m", [i & 0xff, i >> 8]);
      keys.add(key!);
    }
    expect([...keys].every(Number.isSafeInteger)).toBe(true);
    expect(keys.size).toBe(100_000);
  });
});

describe("the KV cache", () => {
  it("shares blocks by reference and keeps them when nobody refers to them", () => {
    const blocks = createKvBlocks(10);
    const first = blocks.acquire([1, 2], 9, 1)!;
    const second = blocks.acquire([1, 2, 3], 9, 1)!;
    expect([first.hits, second.hits, blocks.used, blocks.cached]).toEqual([0, 2, 5, 3]);
    blocks.release(first);
    expect(blocks.used).toBe(4);
    blocks.release(second);
    blocks.release(second);
    expect([blocks.used, blocks.cached]).toEqual([0, 3]);
  });

  it("evicts the least recently used first, and of one prompt its end first", () => {
    const blocks = createKvBlocks(4);
    blocks.release(blocks.acquire([1, 2], 9, 0)!);
    blocks.release(blocks.acquire([3, 4], 9, 0)!);
    blocks.release(blocks.acquire([1], 9, 0)!);
    // Order of last use: 2, 4, 3, 1.
    blocks.release(blocks.acquire([5, 6], 9, 0)!);
    expect([blocks.acquire([1], 9, 0)!.hits, blocks.acquire([3], 9, 0)!.hits]).toEqual([1, 1]);
    expect(blocks.acquire([2], 9, 0)!.hits).toBe(0);
  });

  it("refuses without a change when not enough can be freed", () => {
    const blocks = createKvBlocks(4);
    const held = blocks.acquire([1, 2, 3], 9, 0)!;
    expect(blocks.acquire([1, 8, 9], 9, 0)).toBeUndefined();
    expect([blocks.used, blocks.cached]).toEqual([3, 3]);
    blocks.release(held);
    expect(blocks.acquire([1, 8, 9], 9, 0)!.hits).toBe(1);
  });

  it("never hands out more than there is and never loses a block", () => {
    const action = fc.record({
      keys: fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 8 }),
      privateBlocks: fc.integer({ min: 0, max: 4 }),
      seal: fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 3 }),
      end: fc.constantFrom("release", "discard", "seal"),
      hold: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const total = 12;
        const blocks = createKvBlocks(total);
        const held: { lease: KvLease; keys: number[] }[] = [];
        for (const { keys, privateBlocks, seal, end, hold } of actions) {
          const lease = blocks.acquire(keys, 99, privateBlocks);
          if (lease !== undefined) held.push({ lease, keys });
          const referenced = new Set(held.flatMap((entry) => entry.keys));
          const ownBlocks = held.reduce((sum, entry) => sum + entry.lease.privateBlocks, 0);
          expect(blocks.used).toBe(referenced.size + ownBlocks);
          expect(blocks.used).toBeLessThanOrEqual(total);
          expect(blocks.cached).toBeGreaterThanOrEqual(referenced.size);
          expect(blocks.cached + ownBlocks).toBeLessThanOrEqual(total);
          while (held.length > hold) {
            const { lease: oldest } = held.shift()!;
            if (end === "discard") blocks.discard(oldest);
            else blocks.release(oldest, end === "seal" ? seal : []);
          }
        }
        for (const { lease } of held) blocks.release(lease);
        expect(blocks.used).toBe(0);
        expect(blocks.acquire([], 0, total)).toBeDefined();
      }),
      { numRuns: 300 },
    );
  });
});
