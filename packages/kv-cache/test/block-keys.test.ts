import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  approximateKeys,
  approximateRoot,
  type BlockKeys,
  linkedKeys,
  MAX_BLOCK_BYTES,
  NO_PARENT,
  xxHash64,
} from "../src/index.ts";
import { referenceXxHash64 } from "./xx-hash-64-reference.ts";

/** Keys as hexadecimal numbers. */
function hex(keys: BlockKeys): string[] {
  const words = Uint32Array.from(keys, (word) => word >>> 0);
  const half = (word: number): string => word.toString(16).padStart(8, "0");
  return Array.from({ length: words.length / 2 }, (_, i) => half(words[2 * i + 1]!) + half(words[2 * i]!));
}

function keyOf(value: bigint): BlockKeys {
  return Int32Array.of(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
}

function littleEndian(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

function tokensFrom(first: number, last: number): Uint32Array {
  return Uint32Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Bytes of another seed for each length. */
function noise(length: number): Uint8Array {
  let state = length + 1;
  return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 24);
}

describe("xxHash64", () => {
  it.each([
    ["", "ef46db3751d8e999"],
    ["a", "d24ec4f1a98c6e5b"],
    ["as", "1c330fb2d66be179"],
    ["asd", "631c37ce72a97393"],
    ["asdf", "415872f599cea71e"],
    ["abc", "44bc2cf5ad770999"],
    ["Call me Ishmael. Some years ago--never mind how long precisely-", "02a2e85470d6fd96"],
  ])("of %j is %s", (text, expected) => {
    expect(hex(xxHash64(Buffer.from(text)))).toEqual([expected]);
  });

  // The generator and the results of xxHash's own sanity check.
  it.each([
    [1, "e934a84adb052768"],
    [4, "9136a0dca57457ee"],
    [14, "8282dcc4994e35c8"],
    [222, "b641ae8cb691c174"],
  ])("of the first %i bytes of the official test buffer is %s", (length, expected) => {
    let generator = 2_654_435_761n;
    const buffer = Uint8Array.from({ length }, () => {
      const byte = Number(generator >> 56n);
      generator = BigInt.asUintN(64, generator * 11400714785074694797n);
      return byte;
    });
    expect(hex(xxHash64(buffer))).toEqual([expected]);
  });

  it("is that of the specification for every length up to 200 bytes", () => {
    for (let length = 0; length <= 200; length += 1) {
      const data = noise(length);
      expect(xxHash64(data), `${length} bytes`).toEqual(keyOf(referenceXxHash64(data)));
    }
  });

  it("is that of the specification for messages that come in pieces", () => {
    for (const length of [262_143, 262_144, 262_145, 262_176, 600_001]) {
      const data = noise(length);
      const expected = keyOf(referenceXxHash64(data));
      expect(xxHash64(data), `${length} bytes`).toEqual(expected);
      expect(xxHash64(data.subarray(0, 7), data.subarray(7, 300_000), data.subarray(300_000))).toEqual(expected);
    }
  });
});

describe("approximate keys", () => {
  const root = approximateRoot("test-model", undefined);

  it("are those of llm-d for blocks of 64 tokens", () => {
    expect(hex(root)).toEqual(["33b20d944a6db4a4"]);
    expect(hex(approximateKeys(tokensFrom(1, 128), 64, root))).toEqual(["30dc65b8a97dceac", "2aedede5aa61b73e"]);
  });

  it("depend on the cache salt from the root on", () => {
    const salted = approximateRoot("test-model", "salt-xyz");
    expect(hex(salted)).toEqual([hex(xxHash64(Buffer.from("test-modelsalt-xyz")))[0]]);
    expect(salted).not.toEqual(root);
  });

  it("end with one of the block that is not full", () => {
    const keys = approximateKeys(tokensFrom(1, 130), 64, root);
    expect(hex(keys).slice(0, 2)).toEqual(["30dc65b8a97dceac", "2aedede5aa61b73e"]);
    const content = referenceXxHash64(new Uint8Array(tokensFrom(129, 130).buffer));
    const parent = Buffer.concat([littleEndian(content), littleEndian(0x2aedede5aa61b73en)]);
    expect(hex(keys)[2]).toBe(referenceXxHash64(parent).toString(16).padStart(16, "0"));
    expect(approximateKeys(new Uint32Array(0), 64, root)).toHaveLength(0);
    expect(approximateKeys(tokensFrom(1, 1), 64, root)).toHaveLength(2);
  });

  it("are cut at the greatest number of blocks", () => {
    expect(hex(approximateKeys(tokensFrom(1, 128), 64, root, 1))).toEqual(["30dc65b8a97dceac"]);
    expect(approximateKeys(tokensFrom(1, 128), 64, root, 0)).toHaveLength(0);
  });

  it("are the same for a view into other memory", () => {
    const memory = new Uint32Array(300);
    memory.set(tokensFrom(1, 128), 77);
    expect(approximateKeys(memory.subarray(77, 205), 64, root)).toEqual(approximateKeys(tokensFrom(1, 128), 64, root));
  });

  it("of a prompt longer than what is hashed at a time are a chain without seams", () => {
    for (const [length, block] of [
      [200_003, 64],
      [70_000, 1],
      [200_003, 999],
      [140_000, 65_536],
    ] as const) {
      const tokens = Uint32Array.from({ length }, (_, i) => Math.imul(i, 2_654_435_761) >>> 0);
      const keys = approximateKeys(tokens, block, root);
      expect(keys).toHaveLength(2 * Math.ceil(length / block));
      let parent = BigInt(`0x${hex(root)[0]}`);
      const step = Math.max(1, Math.floor(keys.length / 2 / 40));
      for (let i = 0; i < keys.length / 2; i += 1) {
        // Every key is checked against the one before it, a sample of them against the specification.
        if (i % step === 0) {
          const from = i * block;
          const content = referenceXxHash64(
            new Uint8Array(tokens.buffer, 4 * from, 4 * Math.min(block, length - from)),
          );
          const expected = referenceXxHash64(Buffer.concat([littleEndian(content), littleEndian(parent)]));
          expect(keys.subarray(2 * i, 2 * i + 2)).toEqual(keyOf(expected));
        }
        parent = BigInt(`0x${hex(keys.subarray(2 * i, 2 * i + 2))[0]}`);
      }
    }
  });
});

describe("linked keys", () => {
  it("are llm-d's xxh64 request keys over token ids", () => {
    const seed = 0xef46db3751d8e999n;
    expect(hex(xxHash64())).toEqual([seed.toString(16)]);
    const model = Buffer.from("test-model");
    const root = xxHash64(littleEndian(seed), littleEndian(BigInt(model.length)), model);
    expect(hex(root)).toEqual(["09247acf12a72898"]);
    const tokens = new Uint8Array(tokensFrom(1, 32).buffer);
    expect(hex(linkedKeys([tokens], 64, root))).toEqual(["bc179097a38e1274", "893932c05ff064ac"]);
    // An extra key such as a cache salt is hashed behind the first block.
    const salt = Buffer.from("salt-xyz");
    const salted = xxHash64(littleEndian(658786475292698776n), tokens.subarray(0, 64), littleEndian(8n), salt);
    expect(hex(salted)).toEqual(["8316866630ee3312"]);
  });

  it("leave out bytes that do not fill a block", () => {
    const text = Buffer.from("x".repeat(600));
    expect(linkedKeys([text], 256, NO_PARENT)).toHaveLength(4);
    expect(linkedKeys([text.subarray(0, 255)], 256, NO_PARENT)).toHaveLength(0);
    expect(linkedKeys([text], 256, NO_PARENT)).toEqual(linkedKeys([text.subarray(0, 512)], 256, NO_PARENT));
    expect(linkedKeys([], 256, NO_PARENT)).toHaveLength(0);
  });

  it("do not depend on how the bytes are split", () => {
    const text = noise(3_000);
    const whole = linkedKeys([text], 100, NO_PARENT);
    const cuts = fc.array(fc.nat({ max: text.length }), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, fc.nat({ max: 40 }), (unsorted, maxBlocks) => {
        const sorted = [0, ...unsorted.sort((a, b) => a - b), text.length];
        const parts = sorted.slice(1).map((end, i) => text.subarray(sorted[i], end));
        expect(linkedKeys(parts, 100, NO_PARENT, maxBlocks)).toEqual(whole.subarray(0, 2 * Math.min(30, maxBlocks)));
      }),
      { numRuns: 100 },
    );
    let parent = 0n;
    for (let i = 0; i < 30; i += 1) {
      parent = referenceXxHash64(Buffer.concat([littleEndian(parent), text.subarray(100 * i, 100 * i + 100)]));
      expect(whole.subarray(2 * i, 2 * i + 2)).toEqual(keyOf(parent));
    }
  });

  it("of a prompt longer than what is hashed at a time go on from the last one", () => {
    for (const block of [16, 4_096, MAX_BLOCK_BYTES]) {
      const text = noise(900_000);
      const keys = linkedKeys([text], block, NO_PARENT);
      const half = block * Math.floor(keys.length / 4);
      const first = linkedKeys([text.subarray(0, half)], block, NO_PARENT);
      const rest = linkedKeys([text.subarray(half)], block, first.length === 0 ? NO_PARENT : first.subarray(-2));
      expect(Int32Array.of(...first, ...rest)).toEqual(keys);
    }
  });
});

it.each([0, -1, 1.5, Number.NaN, MAX_BLOCK_BYTES + 1])("a block of %d bytes is refused", (blockBytes) => {
  expect(() => linkedKeys([], blockBytes, NO_PARENT)).toThrow(RangeError);
});

it("the committed binary is what the source compiles to", async () => {
  const script = new URL("../scripts/build-wasm.mjs", import.meta.url);
  const { buildWasm } = (await import(script.href)) as { buildWasm(): Promise<string> };
  const committed = readFileSync(new URL("../src/keys/block-keys-wasm.ts", import.meta.url), "utf8");
  expect(committed).toBe(await buildWasm());
}, 60_000);
