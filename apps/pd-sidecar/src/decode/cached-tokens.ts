import { contentFormat } from "@pointsman/inference-api";
import type { DecodeAnswer, JsonBody } from "@pointsman/plugin-api";
import { fieldOf, without } from "../http/headers.ts";
import { openJsonBody } from "../http/json-body.ts";
import { dataOf } from "./sse-lines.ts";

const LF = 0x0a;
const USAGE = Buffer.from('"usage"');
/** Longer lines and documents pass as they are. */
const LONGEST = 8 * 1_048_576;
const LENGTH: ReadonlySet<string> = new Set(["content-length"]);

/** `usage.prompt_tokens_details.cached_tokens` of the prefill's answer; 0 when it does not say. */
export function cachedTokensOf(answer: JsonBody | undefined): number {
  const usage = answer?.value("usage") as
    | { prompt_tokens_details?: { cached_tokens?: unknown } | null }
    | null
    | undefined;
  const tokens = usage?.prompt_tokens_details?.cached_tokens;
  return typeof tokens === "number" ? tokens : 0;
}

/**
 * The answer with this number of cached tokens in its usage: the decode server counts what it was sent as cached, the
 * prefill server knows. JSON is rewritten as a whole, streams line by line; other bodies, and answers without a usage
 * in OpenAI's form, pass as they are.
 */
export function withCachedTokens(answer: DecodeAnswer, tokens: number): DecodeAnswer {
  const format = contentFormat(fieldOf(answer.headers, "content-type"), fieldOf(answer.headers, "content-encoding"));
  if (format === "opaque") return answer;
  const body = format === "sse" ? rewriteLines(answer.body, tokens) : rewriteDocument(answer.body, tokens);
  return { ...answer, headers: without(answer.headers, LENGTH), body };
}

async function* rewriteDocument(body: AsyncIterable<Uint8Array>, tokens: number): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size <= LONGEST) continue;
    yield* chunks.splice(0);
  }
  if (chunks.length === 0) return;
  const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  yield size > LONGEST ? bytes : (rewritten(bytes, tokens) ?? bytes);
}

/** Complete lines go on at once; the beginning of one waits for its end. */
async function* rewriteLines(body: AsyncIterable<Uint8Array>, tokens: number): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let heldSize = 0;
  for await (const chunk of body) {
    const lastBreak = chunk.lastIndexOf(LF);
    if (lastBreak < 0 && heldSize + chunk.length <= LONGEST) {
      held.push(chunk);
      heldSize += chunk.length;
      continue;
    }
    const whole = lastBreak < 0 ? chunk : chunk.subarray(0, lastBreak + 1);
    yield rewriteEach(held.length === 0 ? asBuffer(whole) : Buffer.concat([...held, whole]), tokens);
    const tail = chunk.subarray(whole.length);
    held = tail.length === 0 ? [] : [tail];
    heldSize = tail.length;
  }
  if (heldSize > 0) yield rewriteEach(Buffer.concat(held), tokens);
}

function rewriteEach(lines: Buffer, tokens: number): Uint8Array {
  if (!lines.includes(USAGE)) return lines;
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < lines.length; ) {
    const found = lines.indexOf(LF, at);
    const end = found < 0 ? lines.length : found;
    const line = lines.subarray(at, end);
    const data = dataOf(line);
    const changed = data?.includes(USAGE) === true ? rewritten(data, tokens) : undefined;
    if (data === undefined || changed === undefined) pieces.push(lines.subarray(at, end + 1));
    else pieces.push(line.subarray(0, line.length - data.length), changed, lines.subarray(end, end + 1));
    at = end + 1;
  }
  return Buffer.concat(pieces);
}

/** The document with the number in it; undefined when it has no usage of that kind. */
function rewritten(bytes: Uint8Array, tokens: number): Uint8Array | undefined {
  const document = openJsonBody(bytes);
  const raw = "bytes" in document ? document.raw("usage") : undefined;
  const usage = raw === undefined ? undefined : openJsonBody(raw);
  if (!("bytes" in document) || usage === undefined || !("bytes" in usage)) return undefined;
  const sent = usage.raw("prompt_tokens_details");
  if (sent === undefined && usage.raw("prompt_tokens") === undefined) return undefined;
  const opened = sent === undefined ? undefined : openJsonBody(sent);
  const details = opened !== undefined && "bytes" in opened ? opened : undefined;
  const changed = details === undefined ? { cached_tokens: tokens } : details.with({ cached_tokens: tokens }).bytes;
  return document.with({ usage: usage.with({ prompt_tokens_details: changed }).bytes }).bytes;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
