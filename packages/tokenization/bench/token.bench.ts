import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { Tokenizer as HuggingFace } from "@huggingface/tokenizers";
import { Tokenizer as Native } from "tokenizers";
import { BpeTokenizer, describeTokenizer, TokenizerPool } from "../src/index.ts";

/**
 * Tokenizing prompts with real vocabularies, next to Hugging Face's native and JavaScript implementations in the same
 * run, in turns, on texts that none of them has seen before. Medians. The native time has the hop to its thread pool in
 * it, as a server would have it; ours is also shown with the hop to our worker thread.
 */

const ROUNDS = 21;
/** About 10 000 tokens of English prose. */
const PROMPT_LENGTH = 40_000;

const root = join(import.meta.dirname, "../../..");
const cache = process.env["POINTSMAN_CI_CACHE"] ?? join(homedir(), ".cache", "pointsman-ci");
const vocabularies = join(cache, "vocabularies-3.7.2");

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[values.length >>> 1]!;
}

function line(what: string, ours: number, ratioTo: number, more: string): void {
  const ratio = `${(ratioTo / ours).toFixed(1)}×`;
  console.log(
    `${what.padEnd(44)} ${ours.toFixed(2).padStart(8)} ms  native ${ratioTo.toFixed(2).padStart(8)} ms ${ratio.padStart(6)}  ${more}`,
  );
}

/** Prose and code of this repository, each piece of it once. */
function corpus(): string {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => !/node_modules|dist|fixtures|\.git\/|pnpm-lock/.test(file) && /\.(?:md|ts)$/.test(file))
    .sort();
  return files.map((file) => readFileSync(join(root, file), "utf8")).join("\n");
}

const prose = corpus();
let state = 987_654_321;
function random(below: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state % below;
}
const characters = (make: () => string, count = 32_000): string => Array.from({ length: count }, make).join("");

/** The worst cases, each different in every round so that no cache helps. */
const hostile: readonly (readonly [string, (round: number) => string])[] = [
  ["random letters without a space", () => characters(() => String.fromCharCode(97 + random(26)))],
  ["one letter", (round) => "abcdefghijklmnopqrstuvwxyz"[round % 26]!.repeat(32_000 + round)],
  ["spaces", (round) => " ".repeat(32_000 + round)],
  ["exclamation marks", (round) => "!".repeat(32_000 + round)],
  ["random digits", () => characters(() => String(random(10)))],
  ["random Chinese", () => characters(() => String.fromCharCode(0x4e00 + random(20_000)))],
];

const names = ["qwen3", "llama3", "deepseek_v3", "gptoss", "llama2", "gemma3"];
for (const name of names) {
  const folder = join(vocabularies, name);
  const file = join(folder, "tokenizer.json");
  if (!existsSync(file)) {
    console.log(`NOT MEASURED: ${name}: ${file} is missing; .ci/run fetches it`);
    continue;
  }
  const text = readFileSync(file, "utf8");
  let from = performance.now();
  const ours = new BpeTokenizer(describeTokenizer(JSON.parse(text)), 0);
  const loadMs = performance.now() - from;
  from = performance.now();
  const native = Native.fromString(text);
  const nativeLoadMs = performance.now() - from;
  const javaScript = new HuggingFace(JSON.parse(text), {});
  const pool = new TokenizerPool({ segmentCacheBytes: 0 });
  await pool.load("t", { path: folder });

  const compare = async (what: string, promptOf: (round: number) => string, rounds: number): Promise<void> => {
    const times = { ours: [] as number[], native: [] as number[], javaScript: [] as number[], pooled: [] as number[] };
    let tokens = 0;
    for (let round = 0; round < rounds; round += 1) {
      const prompt = promptOf(round);
      const time = async (list: number[], run: () => unknown): Promise<unknown> => {
        const start = performance.now();
        const result = await run();
        list.push(performance.now() - start);
        return result;
      };
      const ids = (await time(times.native, async () => (await native.encode(prompt)).getIds())) as number[];
      const own = (await time(times.ours, () => ours.encode(prompt))) as Uint32Array;
      await time(times.pooled, () => pool.encode("t", { kind: "text", text: prompt, addSpecialTokens: true }));
      await time(times.javaScript, () => javaScript.encode(prompt));
      if (own.length !== ids.length || ids.some((id, i) => id !== own[i])) throw new Error(`${name}: ids differ`);
      tokens += ids.length;
    }
    const more = `in a worker ${median(times.pooled).toFixed(2)} ms, JavaScript ${median(times.javaScript).toFixed(1)} ms`;
    line(`${name}: ${what}, ${Math.round(tokens / rounds)} tokens`, median(times.ours), median(times.native), more);
  };

  const step = Math.floor((prose.length - PROMPT_LENGTH) / ROUNDS);
  await compare("prose and code", (round) => prose.slice(round * step, round * step + PROMPT_LENGTH), ROUNDS);
  for (const [what, make] of name === "qwen3" || name === "llama2" ? hostile : []) await compare(what, make, 7);
  console.log(
    `${`${name}: load without self-check`.padEnd(44)} ${loadMs.toFixed(0).padStart(8)} ms  native ${nativeLoadMs.toFixed(0).padStart(8)} ms`,
  );
  await pool.stop();
}

/** A conversation that grows: every turn comes back with the next one. */
const conversation = join(vocabularies, "qwen3");
if (existsSync(conversation)) {
  const pool = new TokenizerPool();
  const uncached = new TokenizerPool({ segmentCacheBytes: 0 });
  await pool.load("t", { path: conversation });
  await uncached.load("t", { path: conversation });
  const messages: { role: string; content: string }[] = [];
  const times = { cached: [] as number[], uncached: [] as number[] };
  let tokens = 0;
  for (let turn = 0; turn < 40; turn += 1) {
    messages.push({ role: "user", content: prose.slice(turn * 3_200, turn * 3_200 + 1_600) });
    const prompt = { kind: "body", api: "openai-chat", body: Buffer.from(JSON.stringify({ messages })) } as const;
    for (const [list, which] of [
      [times.cached, pool],
      [times.uncached, uncached],
    ] as const) {
      const from = performance.now();
      tokens = (await which.encode("t", prompt)).tokens.length;
      if (turn >= 20) list.push(performance.now() - from);
    }
    messages.push({ role: "assistant", content: prose.slice(turn * 3_200 + 1_600, (turn + 1) * 3_200) });
  }
  const cached = median(times.cached).toFixed(2);
  console.log(
    `turns 21 to 40 of a chat (${tokens} tokens at the end), body to ids in a worker: ${cached} ms with the cache of segments, ${median(times.uncached).toFixed(2)} ms without`,
  );
  await pool.stop();
  await uncached.stop();
}
