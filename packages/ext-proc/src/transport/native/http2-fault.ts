import type { ErrorName } from "./http2.ts";

/**
 * The peer broke HTTP/2 or a limit. Thrown, it costs the connection; a fault of one stream is answered where it is
 * found and never thrown.
 */
export class Http2Fault extends Error {
  readonly code: ErrorName;
  /** The stream that was reset, 0 if the connection was closed. */
  readonly streamId: number;

  constructor(code: ErrorName, message: string, streamId = 0) {
    super(streamId === 0 ? `${code}: ${message}` : `${code} on stream ${streamId}: ${message}`);
    this.name = "Http2Fault";
    this.code = code;
    this.streamId = streamId;
  }
}
