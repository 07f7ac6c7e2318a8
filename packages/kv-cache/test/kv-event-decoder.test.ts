import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type KvEvent, KvEventDecoder, MsgpackError } from "../src/index.ts";
import { pack } from "./msgpack-encoder.ts";

const H1 = "2ceabcfae6d332ea";
const H2 = "26470bbec927f5bf";
const HEAD = "cb41d954fc40200000";

/** Batches as engines send them, recorded as bytes. */
const fixtures = {
  storedV09: `92${HEAD}9196ab426c6f636b53746f72656491cf${H1}c0940102030404c0`,
  storedV011: `93${HEAD}9197ab426c6f636b53746f72656491cf${H2}cf${H1}940506070804c0a347505500`,
  storedElevenFields: `93${HEAD}919cab426c6f636b53746f72656491cf${H2}cf${H1}94050607080401a3475055a76d792d6c6f72619192a76d792d6c6f7261a873616c742d78797a00ae66756c6c5f617474656e74696f6ec000`,
  storedMap: `93${HEAD}9188a474797065ab426c6f636b53746f726564ac626c6f636b5f68617368657391cf${H2}b1706172656e745f626c6f636b5f68617368cf${H1}a9746f6b656e5f6964739405060708aa626c6f636b5f73697a6504a76c6f72615f6964c0a66d656469756da3475055a96c6f72615f6e616d65c000`,
  removedArray: `93${HEAD}9193ac426c6f636b52656d6f76656491cf${H2}a347505500`,
  removedMap: `93${HEAD}9183a474797065ac426c6f636b52656d6f766564ac626c6f636b5f68617368657391cf${H2}a66d656469756da347505500`,
  clearedArray: `93${HEAD}9191b0416c6c426c6f636b73436c656172656400`,
  clearedMap: `93${HEAD}9181a474797065b0416c6c426c6f636b73436c656172656400`,
  removedBytes: `93${HEAD}9193ac426c6f636b52656d6f76656491c420202da172482d928bbc42ab25b0151e2b895f13f41002e27b${H1}a347505500`,
} as const;

interface Plain {
  readonly name: string | undefined;
  readonly hashes: readonly string[];
  readonly parent: string | undefined;
  readonly tokens: readonly number[];
  readonly blockSize: number;
  readonly medium: string | undefined;
  readonly loraName: string | undefined;
  readonly group: number;
  readonly specKind: string | undefined;
  readonly extraKeys: readonly (readonly string[])[];
}

function hex(low: number, high: number): string {
  return (high >>> 0).toString(16).padStart(8, "0") + (low >>> 0).toString(16).padStart(8, "0");
}

function plain(event: KvEvent): Plain {
  return {
    name: event.name,
    hashes: Array.from({ length: event.hashCount }, (_, i) => hex(event.hashes[2 * i]!, event.hashes[2 * i + 1]!)),
    parent: event.hasParent ? hex(event.parentLow, event.parentHigh) : undefined,
    tokens: Array.from(event.tokens.subarray(0, event.tokenCount)),
    blockSize: event.blockSize,
    medium: event.medium,
    loraName: event.loraName,
    group: event.group,
    specKind: event.specKind,
    extraKeys: event.extraKeys.map((keys) => keys.map((key) => Buffer.from(key).toString())),
  };
}

function decode(bytes: Uint8Array, engine?: "vllm" | "sglang") {
  const events: Plain[] = [];
  const decoder = new KvEventDecoder(engine);
  const batch = decoder.decode(bytes, (event) => events.push(plain(event)));
  return { ...batch, events };
}

function decodeHex(text: string, engine?: "vllm" | "sglang") {
  return decode(Buffer.from(text, "hex"), engine);
}

const nothing = { parent: undefined, tokens: [], blockSize: 0, loraName: undefined, group: -1, specKind: undefined };
const stored = { ...nothing, name: "BlockStored", medium: undefined, extraKeys: [], blockSize: 4 };
const second = { ...stored, hashes: [H2], parent: H1, tokens: [5, 6, 7, 8], medium: "GPU" };

describe("recorded batches", () => {
  it.each([
    ["storedV09", { ...stored, hashes: [H1], tokens: [1, 2, 3, 4] }],
    ["storedV011", second],
    [
      "storedElevenFields",
      { ...second, loraName: "my-lora", group: 0, specKind: "full_attention", extraKeys: [["my-lora", "salt-xyz"]] },
    ],
    ["storedMap", second],
    ["removedArray", { ...nothing, name: "BlockRemoved", hashes: [H2], medium: "GPU", extraKeys: [] }],
    ["removedMap", { ...nothing, name: "BlockRemoved", hashes: [H2], medium: "GPU", extraKeys: [] }],
    ["clearedArray", { ...nothing, name: "AllBlocksCleared", hashes: [], medium: undefined, extraKeys: [] }],
    ["clearedMap", { ...nothing, name: "AllBlocksCleared", hashes: [], medium: undefined, extraKeys: [] }],
    ["removedBytes", { ...nothing, name: "BlockRemoved", hashes: [H1], medium: "GPU", extraKeys: [] }],
  ] as const)("%s is read as what it says", (name, expected) => {
    const { events, malformed, rank } = decodeHex(fixtures[name]);
    expect(events).toEqual([expected]);
    expect(malformed).toBe(0);
    expect(rank).toBe(name === "storedV09" ? undefined : 0);
  });

  it("cut anywhere are errors, and changed anywhere are never more than an error", () => {
    for (const text of Object.values(fixtures)) {
      const bytes = Buffer.from(text, "hex");
      for (let length = 0; length < bytes.length - 1; length += 1) {
        expect(() => decode(bytes.subarray(0, length))).toThrow(MsgpackError);
      }
    }
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(fixtures)),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (text, changes) => {
          const bytes = Buffer.from(text, "hex");
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          try {
            decode(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(MsgpackError);
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });
});

describe("hashes", () => {
  it("keep all 64 bits, signed, unsigned and as bytes", () => {
    const values: unknown[] = [
      2n ** 64n - 1n,
      2n ** 63n,
      -1n,
      -(2n ** 63n),
      7,
      0x8000_0001,
      Buffer.from("0102", "hex"),
      Buffer.from(`ff${"00".repeat(20)}0123456789abcdef`, "hex"),
    ];
    const { events } = decode(pack([1.5, [["BlockRemoved", values]]]));
    expect(events[0]!.hashes).toEqual([
      "ffffffffffffffff",
      "8000000000000000",
      "ffffffffffffffff",
      "8000000000000000",
      "0000000000000007",
      "0000000080000001",
      "0000000000000102",
      "0123456789abcdef",
    ]);
  });

  it("of another form are an error that says so", () => {
    const { malformed, problem } = decode(pack([1.5, [["BlockRemoved", ["abc"]]]]));
    expect(malformed).toBe(1);
    expect(problem).toContain("neither a number nor bytes");
  });
});

describe("events", () => {
  it("may have their fields in any order, and fields that nobody knows", () => {
    const event = {
      session_id: { a: [1, 2, { b: null }], c: 1.5 },
      token_ids: [1, 2, 300, 70_000],
      ownership: "x",
      block_size: 4,
      block_hashes: [9],
      kv_cache_spec_kind: "full_attention",
      locality: "LOCAL",
      type: "BlockStored",
    };
    const { events } = decode(pack({ data_parallel_rank: 3, future: [[[]]], events: [event], ts: 1.5 }));
    expect(events).toMatchObject([
      { name: "BlockStored", hashes: ["0000000000000009"], tokens: [1, 2, 300, 70_000], specKind: "full_attention" },
    ]);
    const array = [
      1.5,
      [["BlockStored", [9], null, [1], 1, null, "GPU", null, null, 0, "mamba", null, "new", [1]]],
      0,
      {},
    ];
    expect(decode(pack(array)).events).toMatchObject([{ name: "BlockStored", specKind: "mamba", group: 0 }]);
  });

  it("that are unknown or malformed cost themselves, not the batch", () => {
    const good = ["BlockRemoved", [1], "GPU"];
    const { events, malformed } = decode(
      pack([
        1.5,
        [
          good,
          ["BlockMoved", 1, 2],
          ["BlockStored", "no", 3],
          [],
          7,
          good,
          { type: "BlockRemoved", block_hashes: 5 },
          good,
        ],
      ]),
    );
    expect(events.map(({ name }) => name)).toEqual(["BlockRemoved", undefined, "BlockRemoved", "BlockRemoved"]);
    expect(malformed).toBe(4);
  });

  it("of speculative decoders have pairs for tokens, of which the first counts", () => {
    const { events } = decode(
      pack([
        1.5,
        [
          [
            "BlockStored",
            [9],
            null,
            [
              [5, 6],
              [6, 7],
            ],
            2,
          ],
        ],
      ]),
    );
    expect(events[0]!.tokens).toEqual([5, 6]);
  });

  it("of SGLang have other fields behind the medium", () => {
    const bytes = pack([1.5, [["BlockStored", [-5n], null, [5, 6], 2, null, "GPU", "tenant", "session"]]]);
    let salt: string | undefined;
    new KvEventDecoder("sglang").decode(bytes, (event) => {
      salt = event.cacheSalt;
      expect(event.loraName).toBeUndefined();
    });
    expect(salt).toBe("tenant");
    expect(decode(bytes, "sglang").events[0]!.hashes).toEqual(["fffffffffffffffb"]);
  });

  it("tell of images by identifier, with or without an offset", () => {
    const extra = [null, ["lora", ["image-1", 3], "image-2", 7], []];
    const { events } = decode(
      pack([1.5, [["BlockStored", [1, 2, 3], null, [1, 2, 3], 1, null, "GPU", "lora", extra]]]),
    );
    expect(events[0]!.extraKeys).toEqual([[], ["lora", "image-1", "image-2"], []]);
  });
});

describe("lengths that lie", () => {
  it.each([
    ["an array of 2^32 − 1 events", "92c0ddffffffff"],
    ["an array of 2^32 − 1 hashes", `92c09192ac426c6f636b52656d6f766564ddffffffff`],
    ["an array of 2^32 − 1 tokens", `92c09194ab426c6f636b53746f72656490c0ddffffffff`],
    ["a string of 2^32 − 1 bytes", "92c091dbffffffff"],
    ["a map of 2^32 − 1 pairs", "dfffffffff"],
    ["nesting without end", `92c0${"91".repeat(200_000)}`],
    ["nothing", ""],
    ["no batch", "05"],
    ["a batch of one", "91c0"],
  ])("cost no time and no memory: %s", (_, text) => {
    expect(() => decodeHex(text)).toThrow(MsgpackError);
  });

  it("beyond the limits are refused even when the bytes are there", () => {
    const decoder = new KvEventDecoder("vllm", { maxBatchBytes: 1_000, maxHashes: 4, maxTokens: 8, maxEvents: 3 });
    const run = (value: unknown) => ({ ...decoder.decode(pack(value), () => {}) });
    expect(run([1, [["BlockRemoved", [1, 2, 3, 4, 5]]]])).toMatchObject({ malformed: 1, events: 0 });
    expect(run([1, [["BlockStored", [1], null, Array.from({ length: 4_097 }, () => 1).slice(0, 9), 9]]])).toMatchObject(
      {
        events: 1,
      },
    );
    expect(() => run([1, [[], [], [], []]])).toThrow(/4 events/);
    expect(() => run([1, ["x".repeat(200), "y".repeat(200), "z".repeat(200)].flatMap((x) => [x, x])])).toThrow(
      MsgpackError,
    );
  });
});
