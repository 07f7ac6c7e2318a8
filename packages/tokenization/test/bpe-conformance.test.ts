import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BpeTokenizer, createTokenizer, describeTokenizer } from "../src/index.ts";
import { anyText, nativeEncoder, readFixture } from "./fixture.ts";

const names = ["byte-level", "metaspace-normalizer", "metaspace-first", "splits"];

describe.each(names)("our BPE on the %s tokenizer", (name) => {
  const fixture = readFixture(name);
  const tokenizer = new BpeTokenizer(describeTokenizer(fixture.json));
  const native = nativeEncoder(fixture.text);

  it("gives the ids that PyPI's tokenizers gave", () => {
    for (const { text, ids, bare } of fixture.expected) {
      expect([...tokenizer.encode(text)], JSON.stringify(text)).toEqual(ids);
      expect([...tokenizer.encode(text, { addSpecialTokens: false })], JSON.stringify(text)).toEqual(bare);
    }
  });

  it("gives the ids of the native implementation on any text", async () => {
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        expect([...tokenizer.encode(text)]).toEqual(await native(text));
      }),
      { numRuns: 400 },
    );
  });

  it("gives them for text cut anywhere, within a surrogate pair too", async () => {
    const text = "é e\u0301 😀👩‍👩‍👧 日本 <|user|>plugin's ½ [MASK] ".repeat(2);
    for (let end = 0; end <= text.length; end += 1) {
      const cut = text.slice(0, end);
      // JSON and the native binding both put U+FFFD where a surrogate stands alone.
      expect([...tokenizer.encode(cut)], `cut at ${end}`).toEqual(await native(Buffer.from(cut).toString()));
    }
  });

  it("gives the same ids from a warm cache", () => {
    const fresh = new BpeTokenizer(describeTokenizer(fixture.json), 0);
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 6 }), (turns) => {
        for (let i = 1; i <= turns.length; i += 1) {
          const prompt = turns.slice(0, i).join("<|end|>");
          expect(tokenizer.encode(prompt)).toEqual(fresh.encode(prompt));
          expect(tokenizer.encode(prompt)).toEqual(fresh.encode(prompt));
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("a tokenizer", () => {
  it("is our BPE where it covers the file and the self-check agrees", () => {
    const warn = (warning: string): void => {
      throw new Error(warning);
    };
    for (const name of ["byte-level", "metaspace-normalizer"]) {
      expect(createTokenizer(readFixture(name).json, { warn }).engine).toBe("bpe");
    }
  });

  it("is Hugging Face's for a model that is no BPE, and says so", () => {
    const { json, expected } = readFixture("word-piece");
    const warnings: string[] = [];
    const tokenizer = createTokenizer(json, { warn: (warning) => warnings.push(warning) });
    expect(tokenizer.engine).toBe("huggingface");
    expect(warnings).toEqual(["not covered: model WordPiece; @huggingface/tokenizers is used, which is slower"]);
    for (const { text, ids } of expected.slice(0, 5)) expect([...tokenizer.encode(text)]).toEqual(ids);
  });

  it("is Hugging Face's where the two differ, whoever of them is right, and says so", () => {
    const { json } = readFixture("splits");
    const warnings: string[] = [];
    expect(createTokenizer(json, { warn: (warning) => warnings.push(warning) }).engine).toBe("huggingface");
    expect(warnings).toEqual([
      expect.stringMatching(/^our BPE and @huggingface\/tokenizers differ on ".*"; the latter is used$/),
    ]);
    expect(createTokenizer(json, { selfCheck: false }).engine).toBe("bpe");
  });

  it.each([
    ["no object", 5, "not a tokenizer.json: it has no model"],
    ["no vocabulary", { model: { type: "BPE" } }, "not a tokenizer.json: no vocab and merges"],
    [
      "a merge of unknown tokens",
      { model: { type: "BPE", vocab: { a: 0 }, merges: ["a b"] } },
      "not a tokenizer.json: merge 0 names a token that is not in the vocabulary",
    ],
    ["an unknown model", { model: { type: "Nonsense", vocab: {} } }, "not a tokenizer.json that can be used"],
  ])("is refused with a reason when the file has %s", (_what, json, message) => {
    expect(() => createTokenizer(json)).toThrow(new TypeError(message));
  });
});
