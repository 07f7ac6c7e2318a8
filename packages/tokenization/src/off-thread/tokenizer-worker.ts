import { parentPort, workerData } from "node:worker_threads";
import { ChatTemplateError } from "../chat/chat-template.ts";
import { loadPromptTokenizer, type PromptTokenizer } from "../prompt-tokenizer.ts";
import { parseExactJson } from "../requests/exact-json.ts";
import { readPromptInput } from "../requests/prompt-input.ts";
import { UnreadablePrompt } from "../requests/unreadable-prompt.ts";
import { TokenizationCancelled } from "../tokenizer.ts";
import type { FailureReason, FromWorker, PooledPrompt, ToWorker, WorkerData } from "./messages.ts";

/** The main program of a worker thread: loads tokenizers and tokenizes, one job at a time. */

const port = parentPort!;
const { segmentCacheBytes, cancelled } = workerData as WorkerData;
const tokenizers = new Map<string, PromptTokenizer>();

port.on("message", (message: ToWorker) => {
  if (message.kind === "load") void load(message);
  else encode(message);
});

async function load({ job, tokenizer, source }: ToWorker & { kind: "load" }): Promise<void> {
  try {
    const warn = (message: string): void => send({ kind: "warning", tokenizer, message });
    const loaded = await loadPromptTokenizer(source, { segmentCacheBytes, warn });
    tokenizers.set(tokenizer, loaded);
    send({ kind: "loaded", job, engine: loaded.tokenizer.engine });
  } catch (error) {
    fail(job, error);
  }
}

function encode({ job, tokenizer: name, prompt }: ToWorker & { kind: "encode" }): void {
  try {
    const loaded = tokenizers.get(name);
    if (loaded === undefined) throw new Error(`the tokenizer ${name} is not loaded`);
    const { tokenizer } = loaded;
    const { cacheHits, cacheMisses } = tokenizer;
    const tokens = loaded.encode(readPrompt(prompt), { cancelled: () => Atomics.load(cancelled, 0) === job });
    const found = { cacheHits: tokenizer.cacheHits - cacheHits, cacheMisses: tokenizer.cacheMisses - cacheMisses };
    send({ kind: "encoded", job, tokens, ...found }, [tokens.buffer as ArrayBuffer]);
  } catch (error) {
    fail(job, error);
  }
}

function readPrompt(prompt: PooledPrompt): Parameters<PromptTokenizer["encode"]>[0] {
  if (prompt.kind === "text") {
    return { kind: "texts", texts: [prompt.text], addSpecialTokens: prompt.addSpecialTokens };
  }
  let body: unknown;
  try {
    body = parseExactJson(Buffer.from(prompt.body.buffer, prompt.body.byteOffset, prompt.body.length).toString("utf8"));
  } catch {
    // Not the parser's message: it quotes the body.
    throw new UnreadablePrompt("the body is not JSON");
  }
  return readPromptInput(prompt.api, body);
}

function fail(job: number, error: unknown): void {
  send({ kind: "failed", job, reason: reasonOf(error), message: messageOf(error) });
}

function reasonOf(error: unknown): FailureReason {
  if (error instanceof TokenizationCancelled) return "cancelled";
  return error instanceof UnreadablePrompt || error instanceof ChatTemplateError ? "unsupported" : "failed";
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && !(error instanceof ChatTemplateError)
    ? `${error.message} (${error.cause.message})`
    : error.message;
}

function send(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
