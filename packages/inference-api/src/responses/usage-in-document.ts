import { asBuffer, COLON, OPEN_BRACE, skipBlanks } from "../json/bytes.ts";
import { isJsonFault } from "../json/fault.ts";
import { defineFields, type Span } from "../json/fields.ts";
import { locateFields } from "../json/locate-fields.ts";
import { rawText, readString } from "../json/values.ts";
import { endOfValue } from "../json/walk.ts";
import type { Api } from "../requests/parsed-body.ts";
import { type UsageBlock, usageBlockOf } from "./usage.ts";

const PLACES = defineFields("type", "usage", "response.usage", "message.usage", "meta_info");

/** Streamed events of the Responses API that end a response; earlier ones carry a response without its usage. */
const TERMINAL_EVENTS: ReadonlySet<string> = new Set(["response.completed", "response.incomplete", "response.failed"]);

/** The bytes one of which a document with usage must hold: the cheap test before the scan. */
function marker(api: Api): string {
  return api === "sglang-generate" ? '"meta_info"' : '"usage"';
}

/**
 * The usage stated by one complete JSON document: a response body, or the payload of an event. Undefined when there is
 * none, when it is malformed, and when the document is not JSON.
 */
export function usageInDocument(api: Api, document: Uint8Array): UsageBlock | undefined {
  if (!asBuffer(document).includes(marker(api))) return undefined;
  const located = locateFields(document, PLACES);
  if (isJsonFault(located)) return undefined;
  const type = located.span("type");
  const isTerminal = type !== undefined && TERMINAL_EVENTS.has(readString(document, type) ?? "");
  const span =
    (api === "sglang-generate" ? located.span("meta_info") : located.span("usage")) ??
    (api === "openai-responses" && isTerminal ? located.span("response.usage") : undefined) ??
    (api === "anthropic-messages" ? located.span("message.usage") : undefined);
  return span === undefined ? undefined : blockAt(document, span);
}

/** How many candidates at the end of a document are looked at. */
const MAX_CANDIDATES = 8;

/**
 * The usage near the end of a JSON document whose beginning is missing: the last member of the usual name whose value
 * is an object with counts. Inside a JSON string its quotes would be escaped, so text cannot be taken for it.
 */
export function usageInTail(api: Api, tail: Uint8Array): UsageBlock | undefined {
  const bytes = asBuffer(tail);
  const name = marker(api);
  let at = bytes.lastIndexOf(name);
  for (let candidate = 0; at >= 0 && candidate < MAX_CANDIDATES; candidate++) {
    const colon = skipBlanks(bytes, at + name.length);
    const start = skipBlanks(bytes, colon + 1);
    if (bytes[colon] === COLON && bytes[start] === OPEN_BRACE) {
      const block = blockAt(bytes, { start, end: endOfValue(bytes, start) });
      if (block !== undefined) return block;
    }
    at = at === 0 ? -1 : bytes.lastIndexOf(name, at - 1);
  }
  return undefined;
}

/** A usage object is a few hundred bytes; a bigger one is something else. */
const MAX_USAGE_BYTES = 64 * 1024;

function blockAt(document: Uint8Array, span: Span): UsageBlock | undefined {
  if (span.end - span.start > MAX_USAGE_BYTES) return undefined;
  try {
    return usageBlockOf(JSON.parse(rawText(document, span)));
  } catch {
    return undefined; // A tail may end in the middle of the object.
  }
}
