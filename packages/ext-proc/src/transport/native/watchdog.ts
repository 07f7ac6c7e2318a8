import type { FrameReader } from "./frame-reader.ts";
import { Http2Fault } from "./http2-fault.ts";
import type { ConnectionLimits } from "./limits.ts";

/** Sees that a connection does not stand still where it must not. Times are monotonic milliseconds. */
export class Watchdog {
  readonly #limits: ConnectionLimits;
  readonly #reader: FrameReader;
  readonly #connectedAt: number;
  #lastReadAt: number;
  /** The frame that was incomplete after the last read, and since when. */
  #partialFrame = -1;
  #partialSince = 0;
  #congestedSince: number | undefined;
  #pingedAt: number | undefined;

  constructor(limits: ConnectionLimits, reader: FrameReader, now: number) {
    this.#limits = limits;
    this.#reader = reader;
    this.#connectedAt = now;
    this.#lastReadAt = now;
  }

  /** To be told after each read. */
  readDone(now: number): void {
    this.#lastReadAt = now;
    this.#pingedAt = undefined;
    if (!this.#reader.midFrame) {
      this.#partialFrame = -1;
    } else if (this.#partialFrame !== this.#reader.frames) {
      this.#partialFrame = this.#reader.frames;
      this.#partialSince = now;
    }
  }

  /**
   * To be asked now and then.
   *
   * @param blockSince since when a header block is incomplete
   * @returns what the connection must be closed for, or that the peer should be asked whether it lives
   */
  check(now: number, blockSince: number | undefined, congested: boolean): Http2Fault | "ping" | undefined {
    const limits = this.#limits;
    if (!this.#reader.prefaceSeen) {
      return now - this.#connectedAt > limits.prefaceTimeoutMs ? tooSlow("the connection preface") : undefined;
    }
    if (this.#partialFrame >= 0 && now - this.#partialSince > limits.frameTimeoutMs) return tooSlow("a frame");
    if (blockSince !== undefined && now - blockSince > limits.frameTimeoutMs) return tooSlow("a header block");
    this.#congestedSince = congested ? (this.#congestedSince ?? now) : undefined;
    if (this.#congestedSince !== undefined) {
      // Nothing is read meanwhile, so that silence means nothing.
      return now - this.#congestedSince > limits.stallTimeoutMs ? tooSlow("receiving") : undefined;
    }
    if (this.#pingedAt !== undefined) {
      return now - this.#pingedAt > limits.pingTimeoutMs ? tooSlow("the answer to a PING") : undefined;
    }
    if (now - this.#lastReadAt <= limits.pingAfterMs) return undefined;
    this.#pingedAt = now;
    return "ping";
  }
}

function tooSlow(what: string): Http2Fault {
  return new Http2Fault("ENHANCE_YOUR_CALM", `the peer takes too long over ${what}`);
}
