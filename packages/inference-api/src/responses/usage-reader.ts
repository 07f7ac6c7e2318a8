import { asBuffer, CARRIAGE_RETURN, LINE_FEED, SPACE } from "../json/bytes.ts";
import type { Api } from "../requests/parsed-body.ts";
import { contentFormat } from "./content-format.ts";
import { TailBuffer } from "./tail-buffer.ts";
import { mergedUsage, type Usage, type UsageBlock } from "./usage.ts";
import { usageInDocument, usageInTail } from "./usage-in-document.ts";

/** Follows one response body and knows at its end what the response said about tokens. Never throws. */
export interface UsageReader {
  /** The next bytes of the body, split anywhere. They are read during the call only. */
  push(chunk: Uint8Array): void;
  /** The usage, or undefined when the response stated none. Call it at the end of the body, complete or not. */
  end(): Usage | undefined;
  /** `data:` lines seen so far in an event stream, `[DONE]` aside; known also when there is no usage. */
  readonly events: number;
}

/**
 * A reader for one response of this API. A missing content type is taken for JSON; other types than JSON and event
 * streams, compressed bodies, and answers of `count_tokens` have no usage.
 *
 * Memory is bounded by 1 MiB per response: of a longer JSON body, or a longer event, the usage is looked for in the
 * last 512 KiB, where servers put it.
 */
export function createUsageReader(api: Api, contentType: string | undefined, contentEncoding?: string): UsageReader {
  if (api === "anthropic-count-tokens") return NO_USAGE;
  switch (contentFormat(contentType ?? "application/json", contentEncoding)) {
    case "sse":
      return new EventStreamUsage(api);
    case "json":
      return new JsonBodyUsage(api);
    case "opaque":
      return NO_USAGE;
  }
}

const NO_USAGE: UsageReader = Object.freeze({ push: () => {}, end: () => undefined, events: 0 });

function blockIn(api: Api, document: Uint8Array, isWhole: boolean): UsageBlock | undefined {
  return isWhole ? usageInDocument(api, document) : usageInTail(api, document);
}

class JsonBodyUsage implements UsageReader {
  readonly events = 0;
  readonly #api: Api;
  readonly #body = new TailBuffer();

  constructor(api: Api) {
    this.#api = api;
  }

  push(chunk: Uint8Array): void {
    this.#body.append(chunk);
  }

  end(): Usage | undefined {
    const block = blockIn(this.#api, this.#body.bytes, this.#body.isWhole);
    return block === undefined ? undefined : mergedUsage(undefined, block);
  }
}

const PREFIX = Buffer.from("data:");
const DONE = Buffer.from("[DONE]");

/**
 * Lines end in LF or CRLF, as inference servers write them; every `data:` line is one JSON document, with or without a
 * blank behind the colon. An event counts as soon as its line has begun, so a stream that is cut off counts its last.
 */
class EventStreamUsage implements UsageReader {
  readonly #api: Api;
  /** The beginning of a line whose end has not come yet. */
  readonly #line = new TailBuffer();
  /** Whether that line is a data line; undefined while too little of it is known. A dropped head changes nothing. */
  #isData: boolean | undefined;
  #events = 0;
  #usage: Usage | undefined;

  constructor(api: Api) {
    this.#api = api;
  }

  get events(): number {
    return this.#events + (this.#isOpenEvent() ? 1 : 0);
  }

  push(chunk: Uint8Array): void {
    const bytes = asBuffer(chunk);
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(LINE_FEED, start);
      if (end < 0) break;
      if (this.#line.length === 0 && this.#isData === undefined) {
        this.#data(bytes.subarray(start, end));
      } else {
        this.#extend(bytes.subarray(start, end));
        this.#endOfLine();
      }
      start = end + 1;
    }
    if (start < bytes.length) this.#extend(bytes.subarray(start));
  }

  end(): Usage | undefined {
    const events = this.events;
    if (this.#isOpenEvent()) this.#take(this.#payload(), this.#line.isWhole);
    return this.#usage === undefined ? undefined : { ...this.#usage, events };
  }

  #extend(piece: Uint8Array): void {
    if (this.#isData === false) return;
    this.#line.append(piece);
    if (this.#isData !== undefined) return;
    const { bytes } = this.#line;
    const known = Math.min(bytes.length, PREFIX.length);
    if (bytes.compare(PREFIX, 0, known, 0, known) !== 0) this.#isData = false;
    else if (known === PREFIX.length) this.#isData = true;
    if (this.#isData === false) this.#line.clear();
  }

  #endOfLine(): void {
    if (this.#isData) {
      if (!this.#isDone()) this.#events++;
      this.#take(this.#payload(), this.#line.isWhole);
    }
    this.#line.clear();
    this.#isData = undefined;
  }

  /** A line that lies in one chunk is read where it is. */
  #data(line: Buffer): void {
    if (line.length < PREFIX.length || line.compare(PREFIX, 0, PREFIX.length, 0, PREFIX.length) !== 0) return;
    const payload = trimmed(line.subarray(PREFIX.length));
    if (payload.equals(DONE)) return;
    this.#events++;
    this.#take(payload, true);
  }

  /** An unfinished line counts as an event once its `data:` and one byte more have come, unless it says `[DONE]`. */
  #isOpenEvent(): boolean {
    return this.#isData === true && this.#line.length > PREFIX.length && !this.#isDone();
  }

  #isDone(): boolean {
    return this.#line.isWhole && this.#payload().equals(DONE);
  }

  #payload(): Buffer {
    const { bytes, isWhole } = this.#line;
    return trimmed(isWhole ? bytes.subarray(PREFIX.length) : bytes);
  }

  #take(payload: Buffer, isWhole: boolean): void {
    const block = blockIn(this.#api, payload, isWhole);
    if (block !== undefined) this.#usage = mergedUsage(this.#usage, block);
  }
}

/** A payload without the blanks behind the colon and the CR of a CRLF. */
function trimmed(payload: Buffer): Buffer {
  let start = 0;
  let end = payload.length;
  while (start < end && payload[start] === SPACE) start++;
  while (end > start && (payload[end - 1] === SPACE || payload[end - 1] === CARRIAGE_RETURN)) end--;
  return payload.subarray(start, end);
}
