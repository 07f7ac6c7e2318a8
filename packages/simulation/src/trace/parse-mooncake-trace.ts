import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import { BlockNumbers, type Trace, type TraceRequest } from "./trace.ts";

/** Tokens behind one id of a Mooncake trace. */
export const MOONCAKE_BLOCK_TOKENS = 512;

/** A prompt longer than this is taken for a mistake in the file. */
const MAX_TOKENS = 16_777_216;
/** Further mistakes are only counted: a wrong file has one in each line. */
const MISTAKES_SHOWN = 5;

export interface ParsedTrace {
  /** Absent when there are errors. */
  readonly trace?: Trace;
  readonly diagnostics: readonly Diagnostic[];
}

export interface ParseTraceOptions {
  /** Name of the file, for messages. */
  readonly name: string;
  /** Requests to read; the rest is not looked at. Default: all. */
  readonly limit?: number;
}

/**
 * Reads a trace in Mooncake's format, one JSON object a line: `timestamp` (ms), `input_length`, `output_length`
 * (tokens), `hash_ids` (one per 512 tokens, each standing for the prompt up to there). Requests are put in the order of
 * their timestamps, which then count from the first one.
 * @see https://github.com/kvcache-ai/Mooncake
 */
export function parseMooncakeTrace(text: string, { name, limit = Infinity }: ParseTraceOptions): ParsedTrace {
  const numbers = new BlockNumbers();
  const requests: TraceRequest[] = [];
  const mistakes: string[] = [];
  let number = 0;
  for (const line of linesOf(text)) {
    number += 1;
    if (line.trim() === "") continue;
    if (requests.length >= limit) break;
    const parsed = parseLine(line, numbers);
    if (typeof parsed === "string") mistakes.push(`line ${number}: ${parsed}`);
    else requests.push(parsed);
  }
  if (mistakes.length > 0) return { diagnostics: describe(mistakes, name) };
  if (requests.length === 0) {
    return { diagnostics: [diagnostic("POINTSMAN_REPLAY_TRACE", `${name} has no requests.`, { origin: name })] };
  }
  requests.sort((a, b) => a.atMs - b.atMs);
  const first = requests[0]!.atMs;
  const trace: Trace = {
    name,
    blockTokens: MOONCAKE_BLOCK_TOKENS,
    blockCount: numbers.size,
    requests: requests.map((request) => ({ ...request, atMs: request.atMs - first })),
  };
  return { trace, diagnostics: [] };
}

function* linesOf(text: string): Generator<string> {
  let start = 0;
  while (start < text.length) {
    const end = text.indexOf("\n", start);
    yield text.slice(start, end < 0 ? text.length : end);
    start = end < 0 ? text.length : end + 1;
  }
}

function parseLine(line: string, numbers: BlockNumbers): TraceRequest | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return "not JSON";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "not an object";
  const { timestamp, input_length, output_length, hash_ids } = value as Record<string, unknown>;
  if (typeof timestamp !== "number" || !Number.isFinite(timestamp)) return "`timestamp` is no number";
  if (!isCount(input_length, 1)) return "`input_length` is no number of tokens";
  if (!isCount(output_length, 0)) return "`output_length` is no number of tokens";
  if (!Array.isArray(hash_ids)) return "`hash_ids` is no list";
  const wanted = Math.ceil(input_length / MOONCAKE_BLOCK_TOKENS);
  if (hash_ids.length !== wanted) {
    return `${hash_ids.length} ids for ${input_length} tokens: one per ${MOONCAKE_BLOCK_TOKENS} tokens would be ${wanted}`;
  }
  if (!hash_ids.every((id) => typeof id === "number" || typeof id === "string")) return "an id is no number";
  return {
    atMs: timestamp,
    inputTokens: input_length,
    outputTokens: output_length,
    blocks: Int32Array.from(hash_ids, (id: number | string) => numbers.of(id)),
  };
}

function isCount(value: unknown, least: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= MAX_TOKENS;
}

function describe(mistakes: readonly string[], name: string): Diagnostic[] {
  const more = mistakes.length - MISTAKES_SHOWN;
  const list = mistakes.slice(0, MISTAKES_SHOWN).join("; ");
  const text = `${name} is no trace: ${list}${more > 0 ? `; and ${more} more` : ""}.`;
  return [diagnostic("POINTSMAN_REPLAY_TRACE", text, { origin: name })];
}
