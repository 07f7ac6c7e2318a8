import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findLocalTokenizer, isModelName, loadTokenizerSource } from "../src/index.ts";
import { readFixture } from "./fixture.ts";

const tokenizer = readFixture("byte-level").text;
const TOKEN = "hf_not-to-be-seen";

let server: Server;
let endpoint: string;
let cacheDir: string;
let asked: IncomingMessage[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let warnings: string[];

beforeEach(async () => {
  asked = [];
  warnings = [];
  cacheDir = mkdtempSync(join(tmpdir(), "tokenizers-"));
  answer = (request, response) => {
    if (request.url!.endsWith("/tokenizer.json")) response.end(tokenizer);
    else if (request.url!.endsWith("/tokenizer_config.json")) response.end('{"chat_template":"x"}');
    else response.writeHead(404).end();
  };
  server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const load = (more: object = {}) =>
  loadTokenizerSource({ model: "org/model", endpoint, cacheDir, token: TOKEN, ...more }, (w) => warnings.push(w));

const NOBODY = 65_534;

describe("a tokenizer from a hub", () => {
  it("is fetched with the access token, and kept", async () => {
    const files = await load();
    expect(files).toEqual({ tokenizer, config: '{"chat_template":"x"}', chatTemplate: undefined });
    expect(asked.map(({ url }) => url).sort()).toEqual([
      "/org/model/resolve/main/chat_template.jinja",
      "/org/model/resolve/main/tokenizer.json",
      "/org/model/resolve/main/tokenizer_config.json",
    ]);
    expect(asked.every(({ headers }) => headers.authorization === `Bearer ${TOKEN}`)).toBe(true);
    expect(readdirSync(join(cacheDir, "org", "model"))).toEqual(["main"]);
    expect(await load()).toEqual(files);
    expect(asked).toHaveLength(3);
    expect(warnings).toEqual([]);
  });

  it("is kept once when several processes fetch it at a time", async () => {
    const all = await Promise.all([load(), load(), load()]);
    expect(new Set(all.map((files) => files.tokenizer))).toEqual(new Set([tokenizer]));
    expect(readdirSync(join(cacheDir, "org", "model"))).toEqual(["main"]);
    expect(warnings).toEqual([]);
  });

  it("works from memory, with a warning, when it cannot be kept", async () => {
    // A file where a folder must be: refused to root too, unlike a folder without write permission.
    const blocked = join(cacheDir, "blocked");
    writeFileSync(blocked, "");
    expect((await load({ cacheDir: blocked })).tokenizer).toBe(tokenizer);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^the tokenizer of org\/model cannot be kept in .*blocked.* fetched again after a restart: E/,
      ),
    ]);
  });

  it("works from memory when the folder is read-only", async () => {
    chmodSync(cacheDir, 0o500);
    // Permissions do not bind root, so that root does this as somebody else.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(NOBODY);
    try {
      expect((await load()).tokenizer).toBe(tokenizer);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
    expect(warnings).toHaveLength(1);
  });

  it.each([
    [401, /access is refused \(401\); the model may be gated: set HF_TOKEN/],
    [404, /status 404/],
    [503, /status 503/],
  ])("is an error when the hub answers %d, without the token in it", async (status, message) => {
    answer = (_request, response) => void response.writeHead(status).end();
    const error = await load().catch((reason: unknown) => reason as Error);
    expect(String(error)).toMatch(message);
    expect(JSON.stringify([String(error), String((error as Error).cause)])).not.toContain(TOKEN);
    expect(readdirSync(cacheDir)).toEqual([]);
  });

  it("is not kept when the answer breaks off, or is no JSON", async () => {
    answer = (_request, response) => {
      response.writeHead(200, { "content-length": "1000000" });
      response.write('{"model":', () => response.destroy());
    };
    await expect(load()).rejects.toThrow(/tokenizer/);
    answer = (_request, response) => void response.end("<html>Sign in</html>");
    await expect(load()).rejects.toThrow(SyntaxError);
    expect(readdirSync(cacheDir)).toEqual([]);
  });

  it("does not get the token sent on to where the hub redirects", async () => {
    const seen: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end(tokenizer);
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/blob`;
    answer = (_request, response) => void response.writeHead(302, { location }).end();
    await load();
    expect(seen).toEqual([undefined, undefined, undefined]);
    await new Promise((resolve) => other.close(resolve));
  });

  it("is not asked for when a local folder has it, or downloads are switched off", async () => {
    const localDir = mkdtempSync(join(tmpdir(), "local-"));
    await expect(load({ localDir, download: false })).rejects.toThrow(
      /^no tokenizer of org\/model in .*local-.* or .*, and downloads are switched off/,
    );
    mkdirSync(join(localDir, "org", "model"), { recursive: true });
    writeFileSync(join(localDir, "org", "model", "tokenizer.json"), tokenizer);
    expect((await load({ localDir, download: false })).tokenizer).toBe(tokenizer);
    expect(asked).toEqual([]);
  });
});

describe("a local folder", () => {
  it("is searched as a plain folder and as Hugging Face's cache", async () => {
    const root = mkdtempSync(join(tmpdir(), "local-"));
    expect(await findLocalTokenizer(root, "org/model")).toBeUndefined();
    const snapshots = join(root, "hub", "models--org--model", "snapshots");
    for (const commit of ["aaa", "bbb"]) {
      mkdirSync(join(snapshots, commit), { recursive: true });
      writeFileSync(join(snapshots, commit, "tokenizer.json"), tokenizer);
    }
    mkdirSync(join(root, "hub", "models--org--model", "refs"));
    writeFileSync(join(root, "hub", "models--org--model", "refs", "main"), "bbb\n");
    expect(await findLocalTokenizer(root, "org/model")).toBe(join(snapshots, "bbb"));
    expect(await findLocalTokenizer(root, "org/model", "aaa")).toBe(join(snapshots, "aaa"));
    expect(await findLocalTokenizer(root, "../../etc")).toBeUndefined();
    expect(readFileSync(join(snapshots, "bbb", "tokenizer.json"), "utf8")).toBe(tokenizer);
  });

  it("is never left by a model's name", () => {
    for (const name of ["../x", "a/../b", "/etc", "a/b/c", "a\\b", "", ".", "a/..", "a\0b"]) {
      expect(isModelName(name), name).toBe(false);
    }
    for (const name of ["gpt2", "meta-llama/Llama-3.1-8B", "Qwen/Qwen2.5-7B-Instruct"]) {
      expect(isModelName(name), name).toBe(true);
    }
  });
});
