import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { cborFnvKeys, cborFnvRoot } from "../src/keys/cbor-fnv-keys.ts";
import { decimalKeys } from "../src/keys/decimal-keys.ts";
import { sha256ChunkHashes } from "../src/keys/sha256-chunk-keys.ts";

const tokens = Uint32Array.from({ length: 32 }, (_, i) => i + 1);
const salt = new Map([[0, ["salt-xyz"]]]);

/** FNV-64a as its definition says it, over bytes in hex. */
function fnv(hex: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(hex, "hex")) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return String(hash);
}

describe("keys of cbor-fnv", () => {
  it("are those of Go for tokens 1 to 32 in blocks of 16", () => {
    const root = cborFnvRoot("test-model");
    expect(decimalKeys(root)).toEqual(["17515353698173365712"]);
    expect(decimalKeys(cborFnvKeys(tokens, 16, root))).toEqual(["9540012594951042066", "16921089685996993662"]);
    expect(decimalKeys(cborFnvKeys(tokens, 16, root, salt, 1))).toEqual(["8616418028507794824"]);
  });

  it("hash the CBOR that is written in the examples", () => {
    expect(decimalKeys(cborFnvRoot("test-model"))[0]).toBe(fnv("831bcbf29ce484222325f66a746573742d6d6f64656c"));
    expect(fnv("831bf31309635ef2add0900102030405060708090a0b0c0d0e0f10f6")).toBe("9540012594951042066");
  });

  it("begin elsewhere with a hash seed", () => {
    // The seed "42" gives 0x07ee7e07b4b19223 to begin with.
    expect(decimalKeys(cborFnvRoot("test-model", "42"))[0]).toBe(fnv("831b07ee7e07b4b19223f66a746573742d6d6f64656c"));
  });

  it("write every number in the fewest bytes", () => {
    const wide = Uint32Array.of(0, 23, 24, 255, 256, 65_535, 65_536, 4_294_967_295);
    const parent = Int32Array.of(0xffff, 0);
    const cbor = "8319ffff8800171818" + "18ff" + "190100" + "19ffff" + "1a00010000" + "1affffffff" + "f6";
    expect(decimalKeys(cborFnvKeys(wide, 8, parent))).toEqual([fnv(cbor)]);
    const small = Int32Array.of(5, 0);
    expect(decimalKeys(cborFnvKeys(wide.subarray(0, 1), 1, small))).toEqual([fnv("83058100f6")]);
  });

  it("cover long blocks, long texts and texts beyond ASCII", () => {
    const many = new Uint32Array(300).fill(7);
    const parent = Int32Array.of(1, 0);
    expect(decimalKeys(cborFnvKeys(many, 300, parent))).toEqual([fnv(`830199012c${"07".repeat(300)}f6`)]);
    const text = "ü".repeat(20);
    const hex = Buffer.from(text).toString("hex");
    expect(decimalKeys(cborFnvRoot(text))[0]).toBe(fnv(`831bcbf29ce484222325f67828${hex}`));
  });

  it("leave out a block that is not full, and what is beyond the limit", () => {
    const root = cborFnvRoot("m");
    expect(cborFnvKeys(tokens.subarray(0, 15), 16, root)).toHaveLength(0);
    expect(cborFnvKeys(tokens.subarray(0, 31), 16, root)).toHaveLength(2);
    expect(cborFnvKeys(tokens, 4, root, undefined, 3)).toHaveLength(6);
    expect(() => cborFnvKeys(tokens, 0, root)).toThrow(RangeError);
  });
});

describe("chunk hashes of v0.1", () => {
  const chunk = (before: string, from: number, to: number) => {
    const hash = createHash("sha256").update(before, "latin1");
    for (let token = from; token <= to; token += 1) hash.update(Uint8Array.of(token & 0xff, token >>> 8, 0, 0));
    return hash.digest("hex");
  };

  it("are SHA-256 of the hash before, in hex, and the tokens", () => {
    const prompt = Uint32Array.from({ length: 600 }, (_, i) => i + 1);
    const first = chunk("", 1, 256);
    expect(sha256ChunkHashes(prompt)).toEqual([first, chunk(first, 257, 512)]);
    expect(sha256ChunkHashes(prompt, 256, 1)).toEqual([first]);
    expect(sha256ChunkHashes(prompt.subarray(1, 256))).toEqual([]);
    // A view into a larger array.
    expect(sha256ChunkHashes(prompt.subarray(10, 14), 4)).toEqual([chunk("", 11, 14)]);
  });
});

describe("decimal keys", () => {
  it("are unsigned", () => {
    const values = [0n, 1n, 999_999_999n, 1_000_000_000n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n];
    for (let i = 0; i < 2_000; i += 1) values.push(BigInt.asUintN(64, BigInt(i + 1) * 0x9e3779b97f4a7c15n));
    const keys = new Int32Array(BigUint64Array.from(values).buffer);
    expect(decimalKeys(keys)).toEqual(values.map(String));
  });
});
