import { type FrameWriter, MAX_DATA_BYTES } from "./frame-writer.ts";
import { DEFAULT_WINDOW, MAX_WINDOW } from "./http2.ts";
import { Http2Fault } from "./http2-fault.ts";
import { defaultPeerSettings } from "./settings.ts";

/** A stream that has bytes to send, or that has to tell its call that there is room again. */
export interface Sender {
  /** Since when it waits without progress, in the clock's milliseconds. */
  readonly waitingSince: number;
  /** Sends a share; reports itself `ready` or `waiting` again if something is left. */
  sendShare(): void;
  /** It has waited too long. */
  giveUpWaiting(): void;
}

/** Shares a connection's room to send among its streams, in turn. */
export class SendScheduler {
  readonly writer: FrameWriter;
  /** The peer's settings. */
  readonly settings = defaultPeerSettings();
  /** What the peer lets all streams together send. */
  window: number = DEFAULT_WINDOW;
  /** Bytes that wait in the streams. */
  queuedBytes = 0;
  /** All streams that wait for anything. */
  readonly waiting = new Set<Sender>();
  /** Those of them that wait for the connection, not for their own window. */
  readonly #ready = new Set<Sender>();

  constructor(writer: FrameWriter) {
    this.writer = writer;
  }

  /** Whether nothing can be sent on any stream. */
  get blocked(): boolean {
    return this.window <= 0 || this.writer.congested;
  }

  get maxFrameBytes(): number {
    return Math.min(this.settings.maxFrameBytes, MAX_DATA_BYTES);
  }

  /** The stream waits for its own window. */
  wait(sender: Sender): void {
    this.waiting.add(sender);
    this.#ready.delete(sender);
  }

  /** The stream waits for the connection. */
  ready(sender: Sender): void {
    this.waiting.add(sender);
    this.#ready.add(sender);
  }

  forget(sender: Sender): void {
    if (this.waiting.delete(sender)) this.#ready.delete(sender);
  }

  /** @throws Http2Fault if the window would exceed 2^31-1 */
  widen(increment: number): void {
    this.window += increment;
    if (this.window > MAX_WINDOW) throw new Http2Fault("FLOW_CONTROL_ERROR", "the window exceeds 2^31-1");
  }

  /** The initial window has changed: every stream may have room. */
  wakeAll(): void {
    for (const sender of this.waiting) this.#ready.add(sender);
  }

  pump(): void {
    // A sender that is added again while this runs stands at the end of the set and gets its turn.
    for (const sender of this.#ready) {
      if (this.blocked) return;
      this.#ready.delete(sender);
      this.waiting.delete(sender);
      sender.sendShare();
    }
  }
}
