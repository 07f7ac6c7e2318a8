import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type BlockKeys,
  NO_PARENT,
  requestKeys,
  requestRoot,
  sglangPageHashes,
  vllmBlockHashes,
  vllmNoneHash,
  xxHash64,
} from "../src/index.ts";

const tokens = Uint32Array.from({ length: 32 }, (_, i) => i + 1);

function numbers(keys: BlockKeys): bigint[] {
  return Array.from({ length: keys.length / 2 }, (_, i) => {
    return (BigInt(keys[2 * i + 1]! >>> 0) << 32n) | BigInt(keys[2 * i]! >>> 0);
  });
}

describe("request keys", () => {
  it("are those of llm-d's xxh64 scheme", () => {
    expect(numbers(xxHash64(Buffer.alloc(0)))).toEqual([17241709254077376921n]);
    const root = requestRoot("test-model");
    expect(numbers(root)).toEqual([658786475292698776n]);
    expect(numbers(requestKeys(tokens, 16, root))).toEqual([13553460584553255540n, 9887990258693334188n]);
    const salted = requestKeys(tokens, 16, root, [[Buffer.from("salt-xyz")]]);
    expect(numbers(salted)[0]).toBe(9445885041921897234n);
    expect(numbers(salted)[1]).not.toBe(9887990258693334188n);
  });

  it("of a continued chain are those of the whole", () => {
    fc.assert(
      fc.property(
        fc.uint32Array({ minLength: 8, maxLength: 80 }),
        fc.nat(9),
        fc.array(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 2 }), { maxLength: 8 }),
        (ids, blocksBefore, extras) => {
          const all = requestKeys(ids, 8, NO_PARENT, extras);
          const split = Math.min(blocksBefore, all.length / 2);
          const first = requestKeys(ids.subarray(0, 8 * split), 8, NO_PARENT, extras);
          const parent = split === 0 ? NO_PARENT : first.slice(-2);
          const second = requestKeys(ids.subarray(8 * split), 8, parent, extras.slice(split));
          expect([...first, ...second]).toEqual([...all]);
          expect(requestKeys(ids, 8, NO_PARENT, extras, 2)).toEqual(all.slice(0, 4));
        },
      ),
    );
  });

  it("are of full blocks only", () => {
    expect(requestKeys(tokens.subarray(0, 31), 16, NO_PARENT)).toHaveLength(2);
    expect(requestKeys(tokens.subarray(0, 15), 16, NO_PARENT, [[Buffer.from("x")]])).toHaveLength(0);
  });
});

describe("engine hashes", () => {
  it.each([
    ["0", "4e1195df020de59e0d65a33a4279f1183e7ae4e5d980e309f8b55adff2e61c3e"],
    ["42", "9fa6eb003f14425eb9c8e6baacfbcaab26257357b829c7bfa74ffcc4f31c1780"],
    ["", "8d33f520a3c4cef80d2453aef81b612bfe1cb44c8b2025630ad38662763f13d3"],
  ])("of vLLM start with that of the seed %j", (seed, hash) => {
    expect(vllmNoneHash(seed).toString("hex")).toBe(hash);
  });

  it("of vLLM are SHA-256 over canonical CBOR", () => {
    const hashes = vllmBlockHashes(tokens, 16, vllmNoneHash("0"));
    expect(hashes.map((hash) => hash.toString("hex"))).toEqual([
      "202da172482d928bbc42ab25b0151e2b895f13f41002e27b2ceabcfae6d332ea",
      "4a0a393805c6d2f0ed831000d41bb65980336c4c04895d5e26470bbec927f5bf",
    ]);
    expect(hashes.map((hash) => hash.readBigUInt64BE(24))).toEqual([3236607068019569386n, 2758186210834249151n]);
  });

  it.each([
    [["my-lora"], 15444946753610453501n],
    [["salt-xyz"], 167346055853118984n],
    [["my-lora", ["mm-abc", 3], "salt-xyz"], 16601192935840888067n],
  ] as const)("of vLLM have the extra keys %j in them", (extras, expected) => {
    expect(vllmBlockHashes(tokens, 16, vllmNoneHash("0"), [extras])[0]!.readBigUInt64BE(24)).toBe(expected);
  });

  it("of SGLang are SHA-256 over the page before and the tokens", () => {
    const hashes = sglangPageHashes(tokens, 16);
    expect(hashes.map((hash) => hash.readBigInt64BE(0))).toEqual([8635429971592222890n, 1256577331724852459n]);
    expect(hashes[0]!.toString("hex")).toBe("77d735ce838418aa151bd96b5b1e78ee63860892e0a95c00fe34178442be9b07");
    expect(sglangPageHashes(tokens.subarray(16), 16, hashes[0])).toEqual([hashes[1]]);
  });
});
