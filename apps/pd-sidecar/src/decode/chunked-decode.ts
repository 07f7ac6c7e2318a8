import type { DecodeAnswer, JsonBody } from "@pointsman/plugin-api";
import type { BufferBudget } from "../admission/buffer-budget.ts";
import { without } from "../http/headers.ts";
import { openJsonBody } from "../http/json-body.ts";
import { errorBody, Refusal } from "../http/own-answers.ts";
import { readBody } from "../http/read-body.ts";
import type { UpstreamAnswer } from "../upstream/upstream-client.ts";

const LARGEST_CHUNK = 32 * 1_048_576;
const REFRAMED: ReadonlySet<string> = new Set(["content-length", "content-type", "content-encoding"]);

export interface ChunkedRequest {
  readonly body: JsonBody;
  /** Tokens per chunk. */
  readonly size: number;
  readonly budget: BufferBudget;
  send(body: JsonBody): Promise<UpstreamAnswer>;
}

interface Chunk {
  readonly text: string;
  readonly finish: string | null;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly document: JsonBody;
  readonly isLast: boolean;
}

/**
 * Generates in chunks of a few tokens, each a request of its own that continues the text so far. Undefined when one
 * chunk would do: then the request is an ordinary one.
 */
export async function chunkedDecode(request: ChunkedRequest): Promise<DecodeAnswer | undefined> {
  const { body, size } = request;
  const limit = numberIn(body, "max_completion_tokens") ?? numberIn(body, "max_tokens") ?? Number.POSITIVE_INFINITY;
  if (limit <= size || body.raw("messages") === undefined) return undefined;
  const first = await request.send(chunkBody(body, "", Math.min(size, limit)));
  if (first.status < 200 || first.status > 299) return first;
  const chunks = run(request, first, limit);
  // The first chunk comes before the head, so that its failure has a status.
  const opening = await chunks.next();
  const isStream = body.value("stream") === true;
  const headers = without(first.headers, REFRAMED);
  if (isStream) {
    const type = ["content-type", "text/event-stream; charset=utf-8", "cache-control", "no-cache"];
    return { status: 200, headers: [...headers, ...type], body: asEvents(opening, chunks) };
  }
  const whole = await asDocument(opening, chunks);
  if ("status" in whole) return whole;
  const length = ["content-type", "application/json", "content-length", String(whole.bytes.length)];
  return { status: 200, headers: [...headers, ...length], body: once(whole.bytes) };
}

type Chunks = AsyncGenerator<Chunk, UpstreamAnswer | undefined>;

/** Yields chunk after chunk; returns the answer of the one that failed. */
async function* run(request: ChunkedRequest, first: UpstreamAnswer, limit: number): Chunks {
  const { body, size } = request;
  let answer = first;
  let text = "";
  let used = 0;
  for (;;) {
    const chunk = await readChunk(answer, request.budget);
    text += chunk.text;
    used += chunk.completionTokens;
    const isOver = chunk.finish !== null && chunk.finish !== "length";
    const isLast = isOver || used >= limit || chunk.text === "" || chunk.completionTokens === 0;
    yield { ...chunk, isLast };
    if (isLast) return undefined;
    answer = await request.send(chunkBody(body, text, Math.min(size, limit - used)));
    if (answer.status < 200 || answer.status > 299) return answer;
  }
}

function chunkBody(body: JsonBody, text: string, tokens: number): JsonBody {
  const limits = { max_tokens: tokens, max_completion_tokens: tokens, stream: false, stream_options: undefined };
  if (text === "") return body.with(limits);
  return body.with({
    ...limits,
    messages: withAssistant(body.raw("messages")!, text),
    kv_transfer_params: undefined,
    continue_final_message: true,
    add_generation_prompt: false,
  });
}

/** The messages and one more: everything that was generated so far. */
function withAssistant(messages: Uint8Array, text: string): Uint8Array {
  const list = Buffer.from(messages).toString().trimEnd();
  const isEmpty = /^\[\s*\]$/.test(list);
  const message = JSON.stringify({ role: "assistant", content: text });
  return Buffer.from(`${list.slice(0, -1)}${isEmpty ? "" : ","}${message}]`);
}

async function readChunk(answer: UpstreamAnswer, budget: BufferBudget): Promise<Omit<Chunk, "isLast">> {
  const { bytes, reserved } = await readBody(answer.body, { maxBytes: LARGEST_CHUNK, budget, copies: 1 });
  reserved.release();
  const document = openJsonBody(bytes);
  if (!("bytes" in document))
    throw new Refusal(502, "The decode node answered a chunk with something that is no JSON.");
  const choices = document.value("choices") as
    | { message?: { content?: unknown }; finish_reason?: unknown }[]
    | undefined;
  const usage = document.value("usage") as { prompt_tokens?: number; completion_tokens?: number } | null | undefined;
  const choice = choices?.[0];
  return {
    text: typeof choice?.message?.content === "string" ? choice.message.content : "",
    finish: typeof choice?.finish_reason === "string" ? choice.finish_reason : null,
    promptTokens: usage?.prompt_tokens ?? 0,
    completionTokens: usage?.completion_tokens ?? 0,
    document,
  };
}

class Totals {
  text = "";
  prompt = 0;
  completion = 0;
  #count = 0;

  add(chunk: Chunk): void {
    if (this.#count++ === 0) this.prompt = chunk.promptTokens;
    this.completion += chunk.completionTokens;
    this.text += chunk.text;
  }

  get usage(): object {
    const { prompt, completion } = this;
    return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
  }
}

type Step = IteratorResult<Chunk, UpstreamAnswer | undefined>;

async function asDocument(opening: Step, chunks: Chunks): Promise<JsonBody | UpstreamAnswer> {
  const totals = new Totals();
  let last: Chunk | undefined;
  for (let step = opening; ; step = await chunks.next()) {
    if (step.done === true) {
      if (step.value !== undefined) return step.value;
      break;
    }
    last = step.value;
    totals.add(last);
  }
  const choices = last!.document.value("choices") as { message?: object }[] | undefined;
  const choice = { ...choices?.[0], message: { role: "assistant", ...choices?.[0]?.message, content: totals.text } };
  return last!.document.with({ choices: [choice], usage: totals.usage });
}

async function* asEvents(opening: Step, chunks: Chunks): AsyncGenerator<Uint8Array> {
  const totals = new Totals();
  let head: object = {};
  try {
    for (let step = opening; ; step = await chunks.next()) {
      if (step.done === true) {
        if (step.value !== undefined) {
          step.value.body.destroy();
          yield event(failureDocument(step.value.status));
          break;
        }
        yield event(JSON.stringify({ ...head, choices: [], usage: totals.usage }));
        break;
      }
      const { document, text, finish, isLast } = step.value;
      totals.add(step.value);
      const [id, created, model] = ["id", "created", "model"].map((name) => document.value(name));
      head = { id, object: "chat.completion.chunk", created, model };
      const choice = { index: 0, delta: { role: "assistant", content: text }, finish_reason: isLast ? finish : null };
      yield event(JSON.stringify({ ...head, choices: [choice] }));
    }
  } catch (error) {
    // The head is gone: the stream itself must say it.
    if (!(error instanceof Refusal)) throw error;
    yield event(errorBody(error).toString());
  }
  yield event("[DONE]");
}

function failureDocument(status: number): string {
  return errorBody({ status, message: `The decode node answered a chunk with status ${status}.` }).toString();
}

function event(data: string): Buffer {
  return Buffer.from(`data: ${data}\n\n`);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function numberIn(body: JsonBody, name: string): number | undefined {
  const value = body.value(name);
  return typeof value === "number" ? value : undefined;
}
