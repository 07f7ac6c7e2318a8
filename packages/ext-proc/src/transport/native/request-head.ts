import type { FieldSink } from "./hpack/decoder.ts";
import { ENTRY_OVERHEAD } from "./hpack/dynamic-table.ts";

const METHOD = 1;
const SCHEME = 2;
const PATH = 4;
const AUTHORITY = 8;
const REQUIRED = METHOD | SCHEME | PATH;

/** Fields of HTTP/1 that describe a connection; HTTP/2 forbids them (RFC 9113, 8.2.2). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/**
 * What matters of one request's header fields; the others are checked and dropped. One object serves a connection:
 * its values hold until `reset`.
 */
export class RequestHead implements FieldSink {
  method = "";
  path = "";
  contentType: string | undefined;
  /** The value of grpc-timeout. */
  timeout: string | undefined;
  /** -1 if there is none. */
  contentLength = -1;
  /** The size of the list as MAX_HEADER_LIST_SIZE counts it. */
  listBytes = 0;
  /** What HTTP/2 forbids and was found first. */
  fault: string | undefined;
  #pseudo = 0;
  #regular = false;

  reset(): void {
    this.method = "";
    this.path = "";
    this.contentType = undefined;
    this.timeout = undefined;
    this.contentLength = -1;
    this.listBytes = 0;
    this.fault = undefined;
    this.#pseudo = 0;
    this.#regular = false;
  }

  field(name: string, value: string, wellFormed: boolean): void {
    this.listBytes += name.length + value.length + ENTRY_OVERHEAD;
    if (!wellFormed) {
      this.fault ??= "a malformed header field";
    } else if (name.charCodeAt(0) === COLON) {
      this.#pseudoField(name, value);
    } else {
      this.#regular = true;
      this.#regularField(name, value);
    }
  }

  /** What is wrong with the fields as the head of a request. */
  requestFault(): string | undefined {
    if (this.fault !== undefined) return this.fault;
    // CONNECT is the one method without a scheme and a path; it is refused, but not as malformed.
    const required = this.method === "CONNECT" ? METHOD : REQUIRED;
    if ((this.#pseudo & required) !== required) return "a pseudo-header field is missing";
    if (this.path === "" && this.method !== "CONNECT") return "an empty path";
    return undefined;
  }

  /** What is wrong with the fields as the trailers of a request. */
  trailersFault(): string | undefined {
    return this.fault ?? (this.#pseudo === 0 ? undefined : "a pseudo-header field in trailers");
  }

  #pseudoField(name: string, value: string): void {
    let bit = 0;
    switch (name) {
      case ":method":
        bit = METHOD;
        this.method = value;
        break;
      case ":scheme":
        bit = SCHEME;
        break;
      case ":path":
        bit = PATH;
        this.path = value;
        break;
      case ":authority":
        bit = AUTHORITY;
        break;
      default:
        this.fault ??= "an unknown pseudo-header field";
    }
    if (this.#regular) this.fault ??= "a pseudo-header field after a regular one";
    if ((this.#pseudo & bit) !== 0) this.fault ??= "a pseudo-header field twice";
    this.#pseudo |= bit;
  }

  #regularField(name: string, value: string): void {
    switch (name) {
      case "content-type":
        this.contentType = value;
        return;
      case "grpc-timeout":
        this.timeout = value;
        return;
      case "content-length": {
        const length = /^\d{1,15}$/.test(value) ? Number(value) : -1;
        if (length < 0 || (this.contentLength >= 0 && this.contentLength !== length)) {
          this.fault ??= "a content-length that is no length";
        }
        this.contentLength = length;
        return;
      }
      case "te":
        if (value !== "trailers") this.fault ??= "a te field other than trailers";
        return;
      default:
        if (CONNECTION_FIELDS.has(name)) this.fault ??= "a field of HTTP/1 connections";
    }
  }
}

const COLON = 0x3a;
