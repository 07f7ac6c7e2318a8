import { copyFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { loadPromptTokenizer, type PooledPrompt, TokenizerPool, type TokenizerPoolOptions } from "../src/index.ts";
import { readFixture } from "./fixture.ts";

const { dir } = readFixture("byte-level");
const pools: TokenizerPool[] = [];

async function startPool(options: TokenizerPoolOptions = {}): Promise<TokenizerPool> {
  const pool = new TokenizerPool(options);
  pools.push(pool);
  expect(await pool.load("t", { path: dir })).toBe("bpe");
  return pool;
}

afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.stop();
});

const text = (value: string): PooledPrompt => ({ kind: "text", text: value, addSpecialTokens: true });
const chat = (messages: unknown): PooledPrompt => ({
  kind: "body",
  api: "openai-chat",
  body: Buffer.from(JSON.stringify({ messages })),
});
/** Keeps a thread busy for seconds. */
const long = text("some words 12 ".repeat(500_000));

describe("a pool of tokenizer threads", () => {
  it("gives the ids that the tokenizer gives in this thread", async () => {
    const pool = await startPool();
    const here = await loadPromptTokenizer({ path: dir });
    const texts = ["", "Hello world", "日本 😀 <|end|>", "a".repeat(10_000)];
    const encoded = await Promise.all(texts.map((value) => pool.encode("t", text(value))));
    expect(encoded.map(({ tokens }) => tokens)).toEqual(
      texts.map((value) => here.encode({ kind: "texts", texts: [value], addSpecialTokens: true })),
    );
    const messages = [{ role: "user", content: "Hello" }];
    const { tokens } = await pool.encode("t", chat(messages));
    expect(tokens).toEqual(here.encode({ kind: "chat", chat: { messages } }));
    expect(tokens).toEqual(
      here.encode({ kind: "texts", texts: ["<|user|>Hello<|end|>\n<|assistant|>"], addSpecialTokens: false }),
    );
  });

  it("leaves the event loop free, and the body as it was", async () => {
    const pool = await startPool();
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    const body = Buffer.from(JSON.stringify({ prompt: "some words 12 ".repeat(200_000) }));
    const before = Buffer.from(body);
    const { tokens } = await pool.encode("t", { kind: "body", api: "openai-completions", body });
    clearInterval(timer);
    expect(tokens.length).toBeGreaterThan(200_000);
    expect(turns).toBeGreaterThan(5);
    expect(body.equals(before)).toBe(true);
  });

  it("finds the history of a conversation in its cache", async () => {
    const pool = await startPool();
    const history = [
      { role: "system", content: "You are a helpful assistant. ".repeat(10) },
      { role: "user", content: "Tell me about routing. ".repeat(10) },
    ];
    expect(await pool.encode("t", chat(history))).toMatchObject({ cacheHits: 0, cacheMisses: 2 });
    const next = [...history, { role: "assistant", content: "Routing is the choice of a server. ".repeat(10) }];
    expect(await pool.encode("t", chat(next))).toMatchObject({ cacheHits: 2, cacheMisses: 1 });
  });

  it("refuses prompts that are too long, and one more than may wait", async () => {
    const pool = await startPool({ maxInputLength: 8_000_000, maxQueued: 1 });
    await expect(pool.encode("t", text("a".repeat(8_000_001)))).rejects.toMatchObject({ reason: "too-large" });
    const running = new AbortController();
    const first = pool.encode("t", long, running.signal);
    const second = pool.encode("t", text("x"));
    await expect(pool.encode("t", text("y"))).rejects.toMatchObject({ reason: "busy" });
    running.abort(new Error("enough"));
    await expect(first).rejects.toThrow("enough");
    expect((await second).tokens.length).toBeGreaterThan(0);
  });

  it("drops a waiting prompt whose deadline passes", async () => {
    const pool = await startPool();
    const running = new AbortController();
    const first = pool.encode("t", long, running.signal);
    const waiting = new AbortController();
    const second = pool.encode("t", text("x"), waiting.signal);
    expect(pool.queued).toBe(1);
    waiting.abort(new Error("too late"));
    await expect(second).rejects.toThrow("too late");
    expect(pool.queued).toBe(0);
    running.abort(new Error("done"));
    await expect(first).rejects.toThrow("done");
    await expect(pool.encode("t", text("z"), AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
  });

  it("replaces a thread that does not end a cancelled prompt", async () => {
    const warnings: string[] = [];
    const pool = await startPool({ stuckAfterMs: 1, warn: (warning) => warnings.push(warning) });
    const cancel = new AbortController();
    // One piece: merging it asks nobody whether it is cancelled.
    const stuck = pool.encode("t", text("a".repeat(6_000_000)), cancel.signal);
    await new Promise((resolve) => setTimeout(resolve, 50));
    cancel.abort(new Error("late"));
    await expect(stuck).rejects.toThrow("late");
    const { tokens } = await pool.encode("t", text("Hello world"));
    expect(tokens.length).toBeGreaterThan(1);
    expect(warnings).toEqual([expect.stringMatching(/thread died \(it did not end a cancelled prompt\); another one/)]);
  });

  it("replaces a thread that died, which costs the prompt it was working on only", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tokenizer-"));
    copyFileSync(join(dir, "tokenizer.json"), join(folder, "tokenizer.json"));
    writeFileSync(
      join(folder, "chat_template.jinja"),
      "{% for i in range(messages[0].n) %}{% for k in range(1000) %}{{ k }}{% endfor %}{% endfor %}",
    );
    const warnings: string[] = [];
    const pool = new TokenizerPool({ maxHeapMb: 24, warn: (warning) => warnings.push(warning) });
    pools.push(pool);
    await pool.load("t", { path: folder });
    const deadly = pool.encode("t", chat([{ role: "user", content: "", n: 100_000 }]));
    const waiting = pool.encode("t", text("Hello world"));
    await expect(deadly).rejects.toMatchObject({ reason: "crashed" });
    expect((await waiting).tokens.length).toBeGreaterThan(1);
    expect(warnings).toEqual([expect.stringMatching(/thread died \(.*memory.*\); another one starts in 100 ms/)]);
  });

  it("says why a tokenizer cannot be loaded, and works with the others", async () => {
    const pool = await startPool();
    const folder = mkdtempSync(join(tmpdir(), "tokenizer-"));
    await expect(pool.load("none", { path: folder })).rejects.toThrow(`${folder} holds no tokenizer.json`);
    writeFileSync(join(folder, "tokenizer.json"), "{");
    await expect(pool.load("none", { path: folder })).rejects.toThrow(/^tokenizer.json is not JSON/);
    await expect(pool.load("none", { path: join(folder, "gone") })).rejects.toThrow(/ENOENT/);
    await expect(pool.encode("none", text("x"))).rejects.toMatchObject({ reason: "failed" });
    await expect(pool.encode("unheard-of", text("x"))).rejects.toMatchObject({ reason: "failed" });
    expect((await pool.encode("t", text("x"))).tokens.length).toBeGreaterThan(0);
  });

  it("tells prompts that cannot be tokenized from faults, and quotes nothing of them", async () => {
    const pool = await startPool();
    const media = chat([{ role: "user", content: [{ type: "image_url", image_url: { url: "secret" } }] }]);
    await expect(pool.encode("t", media)).rejects.toMatchObject({ reason: "unsupported" });
    const broken = pool.encode("t", { kind: "body", api: "openai-chat", body: Buffer.from('{"secret') });
    await expect(broken).rejects.toMatchObject({ reason: "unsupported", message: "the body is not JSON" });
  });

  it("warns when a model goes to the slower implementation", async () => {
    const warnings: string[] = [];
    const pool = new TokenizerPool({ warn: (warning) => warnings.push(warning) });
    pools.push(pool);
    expect(await pool.load("bert", { path: readFixture("word-piece").dir })).toBe("huggingface");
    expect(warnings).toEqual([expect.stringMatching(/^tokenizer bert: not covered: model WordPiece/)]);
    const { ids, text: sample } = readFixture("word-piece").expected[2]!;
    expect([...(await pool.encode("bert", text(sample))).tokens]).toEqual(ids);
  });

  it("rejects what is not done when it stops", async () => {
    const pool = await startPool();
    const first = pool.encode("t", long);
    const second = pool.encode("t", text("x"));
    const both = Promise.allSettled([first, second]);
    await pool.stop();
    expect((await both).map((result) => result.status === "rejected" && result.reason.reason)).toEqual([
      "stopped",
      "stopped",
    ]);
    await expect(pool.encode("t", text("x"))).rejects.toMatchObject({ reason: "stopped" });
  });
});
