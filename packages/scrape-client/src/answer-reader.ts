/**
 * Reads one HTTP/1.1 answer after the other from the bytes of a connection, split anywhere. It knows what a scrape
 * needs and refuses the rest: no pipelining, no upgrades, no compressed bodies, no header folding.
 */
export interface AnswerReader {
  /**
   * Takes the next `length` bytes of the connection.
   *
   * @returns `more` while the answer is incomplete, `complete` when {@link body} is whole, else what is wrong: then
   *   the reader is of no more use.
   */
  push(bytes: Buffer, length: number): AnswerProgress;
  /** The connection has ended; an answer that ends with it is complete now. */
  end(): AnswerProgress;
  /** Status of the answer under way; 0 before its first line is complete. */
  readonly status: number;
  /** True when bytes of the answer under way have arrived. */
  readonly begun: boolean;
  /** The body of a complete answer. The same memory is used for the next one. */
  readonly body: Buffer;
  /** Whether the connection may carry another answer after this one. */
  readonly keepsAlive: boolean;
  /** Makes ready for the next answer. */
  reset(): void;
}

export type AnswerProgress = "more" | "complete" | AnswerFault;

/** Why an answer is not read: its status, its size, its compression, or because it is no HTTP. */
export interface AnswerFault {
  readonly fault: "status" | "too-large" | "encoding" | "malformed" | "broken-off";
  /** For people. */
  readonly detail: string;
}

/** As Node's own client: more header bytes than that are no answer. */
const longestHead = 16_384;
/** A line that says how long a chunk is, with extensions. */
const longestChunkLine = 1_024;

const none: Buffer = Buffer.alloc(0);
const endOfHead = Buffer.from("\r\n\r\n");
const endOfLine = Buffer.from("\n");
/** A size in hexadecimal digits and extensions, which mean nothing to us. */
const chunkLine = /^([0-9a-fA-F]{1,12})(?:;[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=[!#$%&'*+.^_`|~0-9A-Za-z-]+)?)*\r$/;
const trailerLine = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*)?\r$/;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

type Part = "head" | "length" | "chunk-line" | "chunk" | "chunk-end" | "trailers" | "until-end" | "complete";

export function createAnswerReader(maxBodyBytes: number): AnswerReader {
  let part: Part = "head";
  let status = 0;
  let begun = false;
  let keepsAlive = false;
  /** Bytes of a head or line that has begun in an earlier piece. */
  let pending: Buffer = none;
  /** Body bytes of this answer (`length`) or of this chunk (`chunk`) that are still to come. */
  let missing = 0;
  let memory: Buffer = none;
  let size = 0;
  let trailerBytes = 0;

  function room(bytes: number): void {
    if (memory.length >= bytes) return;
    const grown = Buffer.allocUnsafeSlow(Math.min(maxBodyBytes, Math.max(bytes, memory.length * 2, 4_096)));
    memory.copy(grown, 0, 0, size);
    memory = grown;
  }

  /** Copies body bytes; returns the offset after them. */
  function take(bytes: Buffer, at: number, end: number): number {
    room(size + end - at);
    bytes.copy(memory, size, at, end);
    size += end - at;
    return end;
  }

  /**
   * The text up to and with `mark`, or undefined when it is not there yet; `pending` then keeps what there is.
   * The returned offset is the first byte after it.
   */
  function upTo(mark: Buffer, bytes: Buffer, at: number, length: number): { text: string; next: number } | undefined {
    const whole =
      pending.length === 0 ? bytes.subarray(at, length) : Buffer.concat([pending, bytes.subarray(at, length)]);
    const found = whole.indexOf(mark);
    if (found < 0) {
      pending = Buffer.from(whole);
      return undefined;
    }
    const before = pending.length;
    pending = none;
    return { text: whole.toString("latin1", 0, found), next: at + found + mark.length - before };
  }

  function readHead(text: string): AnswerFault | undefined {
    const first = /^HTTP\/1\.([01]) (\d{3})(?: [\t\x20-\x7e\x80-\xff]*)?(?:\r\n|$)/.exec(text);
    if (first === null) return malformed("no HTTP/1 status line");
    status = Number(first[2]);
    if (status >= 100 && status < 200 && status !== 101) {
      status = 0;
      return undefined;
    }
    if (status === 101) return malformed("an upgrade that nobody asked for");
    if (status !== 200) return { fault: "status", detail: `status ${status} instead of 200` };
    return readFields(text.slice(first[0].length), first[1] === "1");
  }

  function readFields(fields: string, isVersion11: boolean): AnswerFault | undefined {
    keepsAlive = isVersion11;
    let length: number | undefined;
    let chunked = false;
    for (const line of fields === "" ? [] : fields.split("\r\n")) {
      const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(line);
      if (field === null) return malformed("a malformed header");
      const value = field[2]!;
      switch (field[1]!.toLowerCase()) {
        case "content-length": {
          if (!/^\d{1,15}$/.test(value) || (length !== undefined && length !== Number(value))) {
            return malformed("a malformed content-length");
          }
          length = Number(value);
          break;
        }
        case "transfer-encoding":
          if (value.toLowerCase() !== "chunked" || chunked) {
            return malformed(`transfer-encoding ${value.slice(0, 40)}`);
          }
          chunked = true;
          break;
        case "content-encoding":
          if (value.toLowerCase() !== "identity") {
            return { fault: "encoding", detail: `the answer is compressed (${value.slice(0, 40)})` };
          }
          break;
        case "connection":
          for (const option of value.toLowerCase().split(",")) {
            if (option.trim() === "close") keepsAlive = false;
            else if (option.trim() === "keep-alive") keepsAlive = true;
          }
          break;
        default:
      }
    }
    // Both at once is how answers are smuggled: nobody who means well sends it.
    if (chunked && length !== undefined) return malformed("both content-length and transfer-encoding");
    if (length !== undefined && length > maxBodyBytes) return tooLarge();
    if (chunked) part = "chunk-line";
    else if (length === undefined) {
      part = "until-end";
      keepsAlive = false;
    } else {
      missing = length;
      room(length);
      part = length === 0 ? "complete" : "length";
    }
    return undefined;
  }

  function readChunkLine(text: string): AnswerFault | undefined {
    const line = chunkLine.exec(text);
    if (line === null) return malformed("a malformed chunk size");
    missing = Number.parseInt(line[1]!, 16);
    if (size + missing > maxBodyBytes) return tooLarge();
    part = missing === 0 ? "trailers" : "chunk";
    return undefined;
  }

  function tooLarge(): AnswerFault {
    return { fault: "too-large", detail: `the answer is larger than ${maxBodyBytes} bytes` };
  }

  function push(bytes: Buffer, length: number): AnswerProgress {
    begun = true;
    let at = 0;
    while (at < length) {
      switch (part) {
        case "head": {
          const head = upTo(endOfHead, bytes, at, length);
          if (head === undefined) return pending.length > longestHead ? malformed("a head without end") : "more";
          const fault = head.text.length > longestHead ? malformed("a head too long") : readHead(head.text);
          if (fault !== undefined) return fault;
          at = head.next;
          break;
        }
        case "length":
        case "chunk": {
          const end = Math.min(length, at + missing);
          missing -= end - at;
          at = take(bytes, at, end);
          if (missing === 0) part = part === "length" ? "complete" : "chunk-end";
          break;
        }
        case "chunk-end": {
          // The line break after a chunk, byte by byte: it may be split.
          const wanted = pending === none ? carriageReturn : lineFeed;
          if (bytes[at] !== wanted) return malformed("a chunk longer than it said");
          if (wanted === carriageReturn) pending = endOfLine;
          else {
            pending = none;
            part = "chunk-line";
          }
          at += 1;
          break;
        }
        case "chunk-line": {
          const line = upTo(endOfLine, bytes, at, length);
          if (line === undefined)
            return pending.length > longestChunkLine ? malformed("a chunk size without end") : "more";
          const fault = readChunkLine(line.text);
          if (fault !== undefined) return fault;
          at = line.next;
          break;
        }
        case "trailers": {
          const line = upTo(endOfLine, bytes, at, length);
          if (line === undefined) return pending.length > longestHead ? malformed("a trailer without end") : "more";
          trailerBytes += line.text.length;
          if (trailerBytes > longestHead) return malformed("trailers too long");
          if (!trailerLine.test(line.text)) return malformed("a malformed trailer");
          if (line.text === "\r") part = "complete";
          at = line.next;
          break;
        }
        case "until-end":
          if (size + length - at > maxBodyBytes) return tooLarge();
          at = take(bytes, at, length);
          break;
        case "complete":
          // More than was asked for: the connection cannot be trusted with another question.
          keepsAlive = false;
          at = length;
          break;
      }
    }
    return part === "complete" ? "complete" : "more";
  }

  return {
    push,
    end() {
      if (part === "until-end") part = "complete";
      if (part === "complete") return "complete";
      return { fault: "broken-off", detail: begun ? "the answer broke off" : "no answer" };
    },
    get status() {
      return status;
    },
    get begun() {
      return begun;
    },
    get body() {
      return memory.subarray(0, size);
    },
    get keepsAlive() {
      return keepsAlive;
    },
    reset() {
      part = "head";
      status = 0;
      begun = false;
      keepsAlive = false;
      pending = none;
      missing = 0;
      size = 0;
      trailerBytes = 0;
    },
  };
}

function malformed(what: string): AnswerFault {
  return { fault: "malformed", detail: `no usable HTTP: ${what}` };
}
