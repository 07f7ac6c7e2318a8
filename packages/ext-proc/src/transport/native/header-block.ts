import { FLAG } from "./http2.ts";
import { Http2Fault } from "./http2-fault.ts";
import type { ConnectionLimits } from "./limits.ts";

/** A header block that is split over a HEADERS frame and its CONTINUATION frames, while it is incomplete. */
export class HeaderBlock {
  readonly streamId: number;
  readonly endStream: boolean;
  readonly since: number;
  readonly #limits: ConnectionLimits;
  readonly #fragments: Buffer[] = [];
  #length = 0;
  #continuations = 0;

  constructor(streamId: number, flags: number, limits: ConnectionLimits, now: number) {
    this.streamId = streamId;
    this.endStream = (flags & FLAG.END_STREAM) !== 0;
    this.since = now;
    this.#limits = limits;
  }

  /** @throws Http2Fault above the limits */
  add(bytes: Buffer, start: number, end: number): void {
    this.#length += end - start;
    if (this.#length > this.#limits.maxHeaderBlockBytes) {
      throw new Http2Fault("ENHANCE_YOUR_CALM", `a header block above ${this.#limits.maxHeaderBlockBytes} bytes`);
    }
    this.#fragments.push(Buffer.from(bytes.subarray(start, end)));
  }

  /** @throws Http2Fault above the limits */
  continuation(bytes: Buffer, start: number, end: number): void {
    this.#continuations++;
    if (this.#continuations > this.#limits.maxContinuations) {
      throw new Http2Fault("ENHANCE_YOUR_CALM", `more than ${this.#limits.maxContinuations} CONTINUATION frames`);
    }
    this.add(bytes, start, end);
  }

  whole(): Buffer {
    return Buffer.concat(this.#fragments, this.#length);
  }
}
