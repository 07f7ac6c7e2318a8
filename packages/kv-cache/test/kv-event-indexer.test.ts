import { describe, expect, it } from "vitest";
import { ExactPrefixIndex, KvEventDecoder, KvEventIndexer } from "../src/index.ts";
import { pack } from "./msgpack-encoder.ts";

const BLOCK = 4;

function tokens(blocks: number, from = 0): number[] {
  return Array.from({ length: BLOCK * blocks }, (_, i) => from * BLOCK + i + 1);
}

function setUp(options: { engine?: "vllm" | "sglang" } = {}) {
  const index = new ExactPrefixIndex({ maxBytes: 4 * 1024 * 1024, maxEndpoints: 8 });
  index.join("a");
  const otherSizes: number[] = [];
  const indexer = new KvEventIndexer({
    index,
    blockTokens: BLOCK,
    onOtherBlockSize: (_, size) => otherSizes.push(size),
  });
  const decoder = new KvEventDecoder(options.engine);
  return {
    indexer,
    index,
    otherSizes,
    apply: (...events: readonly unknown[]) =>
      void decoder.decode(pack([1.5, events, 0]), (event) => indexer.apply("a", event)),
    /** Leading blocks of a prompt that the endpoint has. */
    has: (blocks: number, model = "llama", salt?: string, from = 0): number =>
      index.match(indexer.keysOf(Uint32Array.from(tokens(blocks, from)), model, salt)).blocksOf("a"),
  };
}

describe("stored blocks", () => {
  it("continue the chain of their parent", () => {
    const { apply, has } = setUp();
    apply(["BlockStored", [11n, 12n], null, tokens(2), BLOCK]);
    apply(["BlockStored", [13n], 12n, tokens(1, 2), BLOCK]);
    expect(has(5)).toBe(3);
  });

  it("whose parent was never stored are left out and counted", () => {
    const { apply, has, indexer } = setUp();
    apply(["BlockStored", [13n], 12n, tokens(1, 2), BLOCK]);
    apply(["BlockStored", [14n], 13n, tokens(1, 3), BLOCK]);
    expect(has(4)).toBe(0);
    expect(has(1, "llama", undefined, 2)).toBe(0);
    expect(indexer.counts.orphanedStores).toBe(2);
  });

  it("with hashes up to 2^64 − 1, as numbers or bytes, are one block", () => {
    const { apply, has } = setUp();
    apply(["BlockStored", [2n ** 64n - 1n], null, tokens(1), BLOCK]);
    apply(["BlockStored", [5n], Buffer.alloc(32, 255), tokens(1, 1), BLOCK]);
    expect(has(2)).toBe(2);
    apply(["BlockRemoved", [Buffer.alloc(32, 255)], "GPU"]);
    expect(has(2)).toBe(0);
  });

  it("of an adapter or another tenant are not those of the base model", () => {
    const { apply, has } = setUp();
    apply(["BlockStored", [1n], null, tokens(1), BLOCK, 7, "GPU", "my-lora", [["my-lora"]]]);
    expect([has(1), has(1, "my-lora"), has(1, "my-lora", "tenant")]).toEqual([0, 1, 0]);
    apply(["BlockStored", [2n, 3n], null, tokens(2), BLOCK, null, "GPU", null, [["tenant"], null]]);
    expect([has(2), has(2, "llama", "tenant"), has(2, "llama", "other")]).toEqual([0, 2, 0]);
  });

  it("with an image are not those of the text alone", () => {
    const { apply, has } = setUp();
    apply(["BlockStored", [1n, 2n], null, tokens(2), BLOCK, null, "GPU", null, [null, [["image-1", 3]]]]);
    expect(has(2)).toBe(1);
  });

  it("of another size are left out, and said", () => {
    const { apply, has, otherSizes, indexer } = setUp();
    apply(["BlockStored", [1n], null, tokens(2), 2 * BLOCK]);
    expect(has(2)).toBe(0);
    expect(otherSizes).toEqual([8]);
    expect(indexer.counts.otherBlockSize).toBe(1);
  });

  it("that contradict themselves are left out", () => {
    const { apply, has, indexer } = setUp();
    apply(["BlockStored", [1n, 2n], null, tokens(1), BLOCK], ["BlockStored", [3n], 3n, tokens(1), BLOCK]);
    expect(has(1)).toBe(0);
    expect(indexer.counts.inconsistentStores).toBe(2);
  });

  it("elsewhere, or of groups that hold no prefixes, are left out", () => {
    const { apply, has, indexer } = setUp();
    apply({ type: "BlockStored", block_hashes: [1n], token_ids: tokens(1), block_size: BLOCK, locality: "REMOTE" });
    apply(["BlockStored", [1n], null, tokens(1), BLOCK, null, "GPU", null, null, 1, "sliding_window", 128]);
    apply(["BlockRemoved", [1n], "GPU", 1]);
    expect(has(1)).toBe(0);
    expect(indexer.counts).toMatchObject({ skipped: 3, unknownRemovals: 0 });
  });

  it("in two groups are held until both have removed them", () => {
    const { apply, has } = setUp();
    for (const group of [0, 1]) {
      apply(["BlockStored", [1n], null, tokens(1), BLOCK, null, "GPU", null, null, group, "full_attention", null]);
    }
    apply(["BlockRemoved", [1n], "GPU", 0]);
    apply(["BlockRemoved", [1n], "GPU", 0]);
    expect(has(1)).toBe(1);
    apply(["BlockRemoved", [1n], "GPU", 1]);
    expect(has(1)).toBe(0);
  });

  it("of SGLang with a salt are that tenant's", () => {
    const { apply, has } = setUp({ engine: "sglang" });
    apply(["BlockStored", [-5n], null, tokens(1), BLOCK, null, "GPU", "tenant"]);
    expect([has(1), has(1, "llama", "tenant")]).toEqual([0, 1]);
  });
});

describe("tiers", () => {
  it("are entered and left by hash alone, and weigh less", () => {
    const { apply, has, index, indexer } = setUp();
    apply(["BlockStored", [1n], null, tokens(1), BLOCK, null, "GPU"]);
    apply(["BlockStored", [1n], null, [], 0, null, "CPU"]);
    apply(["BlockRemoved", [1n], "GPU"]);
    expect(has(1)).toBe(1);
    const keys = indexer.keysOf(Uint32Array.from(tokens(1)), "llama", undefined);
    expect(index.match(keys).weightedBlocksOf("a")).toBe(0.8);
    apply(["BlockRemoved", [1n], "CPU"]);
    expect(has(1)).toBe(0);
    apply(["BlockStored", [9n], null, [], 0, null, "CPU"]);
    expect(indexer.counts.orphanedStores).toBe(1);
  });
});

describe("removals", () => {
  it("of blocks that are not there are counted and change nothing", () => {
    const { apply, has, indexer } = setUp();
    apply(["BlockStored", [1n], null, tokens(1), BLOCK]);
    apply(["BlockRemoved", [2n, 3n], "GPU"], ["BlockRemoved", [1n], "CPU"]);
    expect(has(1)).toBe(1);
    expect(indexer.counts).toMatchObject({ unknownRemovals: 3, removedBlocks: 0 });
  });

  it("of everything leave nothing", () => {
    const { apply, has } = setUp();
    apply(["BlockStored", [1n], null, tokens(1), BLOCK], ["AllBlocksCleared"]);
    expect(has(1)).toBe(0);
    apply(["BlockStored", [1n], null, tokens(1), BLOCK]);
    expect(has(1)).toBe(1);
  });

  it("of a block stored twice take two", () => {
    const { apply, has } = setUp();
    const stored = ["BlockStored", [1n], null, tokens(1), BLOCK];
    apply(stored, stored, ["BlockRemoved", [1n]]);
    expect(has(1)).toBe(1);
    apply(["BlockRemoved", [1n]]);
    expect(has(1)).toBe(0);
  });
});
