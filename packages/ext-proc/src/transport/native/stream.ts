import type { StreamStatus } from "../../stream-machine.ts";
import type { Call, Reply, Service } from "./call.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { GrpcFault, MessageAssembler, PREFIX_BYTES } from "./grpc-framing.ts";
import { GRPC_STATUS } from "./grpc-status.ts";
import { HeldBytes } from "./held-bytes.ts";
import { type ErrorName, MAX_WINDOW } from "./http2.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { type HttpReply, RESPONSE_HEADERS, trailers } from "./replies.ts";
import { SendQueue } from "./send-queue.ts";
import type { Sender, SendScheduler } from "./send-scheduler.ts";
import { STREAM_WINDOW_BYTES } from "./settings.ts";

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly writer: FrameWriter;
  readonly sending: SendScheduler;
  readonly maxMessageBytes: number;
  readonly maxQueuedBytes: number;
  /** The clock of this turn, monotonic milliseconds. */
  readonly now: number;
  /** Received bytes were used. */
  release(bytes: number): void;
  /** A message has come in, or a DATA frame has gone out. */
  worked(): void;
  /** Resets the stream, because of the peer. */
  reset(stream: Stream, code: ErrorName, message: string): void;
  /** The stream has ended. `byReset`: frames that the peer has sent meanwhile are to be ignored. */
  closed(stream: Stream, byReset: boolean): void;
  /** A call threw: a mistake of ours. */
  callFailed(stream: Stream, error: unknown): void;
}

/** A share of a stream's turn. */
const SHARE_BYTES = 64 * 1024;
const LONGEST_TIMER_MS = 0x7fff_ffff;

/** One stream: flow control and gRPC framing in both directions, between a connection and a call. */
export class Stream implements Reply, Sender {
  readonly id: number;
  readonly openedAt: number;
  /** Whether anything was ever sent to the peer. */
  answered = false;
  waitingSince = 0;
  /** What the peer lets this stream send, less the initial window, which may change under it. */
  #windowChange = 0;

  readonly #host: StreamHost;
  #service: Service | undefined;
  #call: Call | undefined;
  #deadline: NodeJS.Timeout | undefined;

  readonly #window = new ReceiveWindow(STREAM_WINDOW_BYTES);
  readonly #assembler: MessageAssembler;
  /** Bytes that are still to come if the request has told its length; negative if it has not. */
  #announcedLeft: number;
  #remoteClosed: boolean;
  #paused = false;
  /** What came while paused, not yet cut into messages: messages cost more memory than their bytes. */
  #held: HeldBytes | undefined;
  #delivering = false;
  /** Bytes received while paused, which neither window was given back. */
  #withheld = 0;

  #queue: SendQueue | undefined;
  #headersSent = false;
  /** How the stream ends behind the queue: trailers, or an END_STREAM on the last DATA. */
  #last: Buffer | "end-of-data" | undefined;
  #owesDrained = false;
  #closed = false;

  /**
   * @param contentLength negative if the request has not told it
   * @param endStream whether the request is over already; `halfClose` must follow all the same
   */
  constructor(host: StreamHost, id: number, contentLength: number, endStream: boolean) {
    this.#host = host;
    this.id = id;
    this.openedAt = host.now;
    this.#announcedLeft = contentLength;
    this.#remoteClosed = endStream;
    this.#assembler = new MessageAssembler(host.maxMessageBytes);
  }

  get remoteClosed(): boolean {
    return this.#remoteClosed;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Gives the stream to a service. @param timeoutMs after which it ends with DEADLINE_EXCEEDED */
  open(service: Service, timeoutMs: number | undefined): void {
    this.#service = service;
    this.#guarded(() => {
      this.#call = service.open(this);
    });
    if (timeoutMs === undefined || timeoutMs > LONGEST_TIMER_MS || this.#closed) return;
    this.#deadline = setTimeout(
      () => this.#fail({ code: GRPC_STATUS.DEADLINE_EXCEEDED, message: "Deadline exceeded" }),
      timeoutMs,
    );
    this.#deadline.unref();
  }

  // ── from the peer ──

  /** A DATA frame begins. @returns false if it must not be passed on */
  dataStart(length: number, endStream: boolean): boolean {
    if (this.#remoteClosed) {
      this.#host.release(length);
      this.#host.reset(this, "STREAM_CLOSED", "DATA after the end of the stream");
      return false;
    }
    if (!this.#window.take(length)) {
      this.#host.release(length);
      this.#host.reset(this, "FLOW_CONTROL_ERROR", "more DATA than the window allows");
      return false;
    }
    // Known before the content is delivered: an answer to it need not ask the peer to stop.
    this.#remoteClosed = endStream;
    if (this.#paused) this.#withheld += length;
    else this.#release(length);
    return true;
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (this.#announcedLeft >= 0) {
      this.#announcedLeft -= end - start;
      if (this.#announcedLeft < 0) {
        this.#host.reset(this, "PROTOCOL_ERROR", "more DATA than content-length says");
        return;
      }
    }
    if (this.#call === undefined) return;
    if (this.#held === undefined) {
      const position = this.#deliver(bytes, start, end);
      if (position === end) return;
      this.#held = new HeldBytes();
      this.#held.append(bytes, position, end);
    } else {
      this.#held.append(bytes, start, end);
    }
  }

  /** The peer has ended its side, with DATA, HEADERS or trailers. */
  halfClose(): void {
    if (this.#closed) return;
    this.#remoteClosed = true;
    if (this.#held !== undefined) return;
    if (this.#announcedLeft > 0) {
      this.#host.reset(this, "PROTOCOL_ERROR", "less DATA than content-length says");
    } else if (this.#assembler.midMessage && this.#call !== undefined) {
      this.#fail({ code: GRPC_STATUS.INTERNAL, message: "the stream ended in the middle of a message" });
    } else if (this.#call !== undefined) {
      const call = this.#call;
      this.#guarded(() => call.halfClosed());
    } else if (this.#last === undefined && this.#queue === undefined && this.#headersSent) {
      // Everything was sent before the peer had finished.
      this.#close(false);
    }
  }

  /** @returns false if the window would exceed 2^31-1 */
  widen(increment: number): boolean {
    this.#windowChange += increment;
    if (this.#sendWindow > MAX_WINDOW) return false;
    if (this.#queue !== undefined && this.#sendWindow > 0) this.#host.sending.ready(this);
    return true;
  }

  /** The stream is gone: reset by either side, or its connection lost. */
  abort(byReset: boolean): void {
    const call = this.#call;
    this.#close(byReset);
    if (call !== undefined) this.#guarded(() => call.cancelled());
  }

  retire(): void {
    const call = this.#call;
    if (call?.retire !== undefined) this.#guarded(() => call.retire!());
  }

  // ── from the call ──

  send(message: Uint8Array): boolean {
    if (this.#closed || this.#last !== undefined) return true;
    const { sending, writer, maxQueuedBytes } = this.#host;
    if (!this.#headersSent) this.#sendHeaders(RESPONSE_HEADERS);
    const size = PREFIX_BYTES + message.length;
    if (
      this.#queue === undefined &&
      size <= sending.maxFrameBytes &&
      size <= sending.window &&
      size <= this.#sendWindow &&
      !writer.congested
    ) {
      writer.message(this.id, message);
      this.#spend(size);
      return true;
    }
    this.#queue ??= this.#newQueue();
    this.#queue.pushMessage(message);
    sending.queuedBytes += size;
    if (sending.queuedBytes > maxQueuedBytes) {
      this.#host.reset(this, "ENHANCE_YOUR_CALM", "too many bytes wait to be received");
      return true;
    }
    this.#sendQueued();
    this.#owesDrained = this.#queue !== undefined;
    return !this.#owesDrained;
  }

  finish(status?: StreamStatus): void {
    if (this.#closed || this.#last !== undefined) return;
    this.#call = undefined;
    this.#last = trailers(status, this.#headersSent);
    if (this.#queue === undefined) this.#sendLast(this.#last);
  }

  /** Answers a request that is not gRPC; what it still sends is dropped. */
  replyHttp({ headers, body }: HttpReply): void {
    this.#sendHeaders(headers);
    this.#last = "end-of-data";
    this.#queue = this.#newQueue();
    this.#queue.pushBytes(body);
    this.#host.sending.queuedBytes += body.length;
    this.#sendQueued();
  }

  resume(): void {
    this.#paused = false;
    const withheld = this.#withheld;
    this.#withheld = 0;
    if (this.#closed) return;
    if (withheld > 0) this.#release(withheld);
    if (this.#held === undefined || this.#delivering) return;
    const held = this.#held;
    if (!held.use((bytes, start, end) => this.#deliver(bytes, start, end))) return;
    this.#held = undefined;
    if (this.#remoteClosed) this.halfClose();
  }

  // ── sending ──

  sendShare(): void {
    this.#sendQueued();
  }

  giveUpWaiting(): void {
    this.#host.reset(this, "CANCEL", "the peer does not receive what it asked for");
  }

  get #sendWindow(): number {
    return this.#host.sending.settings.initialWindow + this.#windowChange;
  }

  #newQueue(): SendQueue {
    this.waitingSince = this.#host.now;
    return new SendQueue();
  }

  #sendHeaders(block: Buffer): void {
    this.#host.writer.headers(this.id, block, false);
    this.#headersSent = true;
    this.answered = true;
  }

  /** Sends what the windows allow; then reports what it waits for. */
  #sendQueued(): void {
    const { sending, writer } = this.#host;
    let share = SHARE_BYTES;
    const queue = this.#queue;
    while (queue !== undefined && queue.length > 0 && share > 0 && this.#sendWindow > 0 && !sending.blocked) {
      const count = Math.min(queue.length, sending.maxFrameBytes, sending.window, this.#sendWindow);
      const ends = count === queue.length && this.#last === "end-of-data";
      writer.data(this.id, count, ends);
      queue.moveTo(writer, count);
      sending.queuedBytes -= count;
      share -= count;
      this.#spend(count);
      this.waitingSince = this.#host.now;
    }
    if (queue !== undefined && queue.length > 0) {
      if (this.#sendWindow > 0) sending.ready(this);
      else sending.wait(this);
      return;
    }
    this.#queue = undefined;
    if (this.#last === "end-of-data") this.#sentAll();
    else if (this.#last !== undefined) this.#sendLast(this.#last);
    else if (this.#owesDrained) this.#tellDrained();
  }

  #tellDrained(): void {
    this.#owesDrained = false;
    const call = this.#call;
    if (call !== undefined) this.#guarded(() => call.drained());
  }

  #spend(bytes: number): void {
    this.#windowChange -= bytes;
    this.#host.sending.window -= bytes;
    this.#host.worked();
  }

  #sendLast(block: Buffer): void {
    const { writer } = this.#host;
    writer.headers(this.id, block, true);
    this.answered = true;
    if (!this.#remoteClosed) writer.rstStream(this.id, 0);
    this.#close(!this.#remoteClosed);
  }

  /** A request that is not gRPC is read to its end, in case the answer must tell that it is malformed. */
  #sentAll(): void {
    this.#last = undefined;
    if (this.#remoteClosed) this.#close(false);
  }

  // ── both ──

  #release(bytes: number): void {
    this.#host.release(bytes);
    const increment = this.#window.release(bytes);
    if (increment > 0 && !this.#remoteClosed) this.#host.writer.windowUpdate(this.id, increment);
  }

  /** Cuts messages out and delivers them while they are wanted. @returns where what is left begins */
  #deliver(bytes: Buffer, start: number, end: number): number {
    let position = start;
    this.#delivering = true;
    try {
      while (this.#call !== undefined && !this.#paused) {
        const message = this.#assembler.take(bytes, position, end);
        position = this.#assembler.position;
        if (message === undefined) break;
        this.#host.worked();
        const call = this.#call;
        this.#guarded(() => {
          if (!call.receive(message)) this.#paused = true;
        });
      }
    } catch (error) {
      if (!(error instanceof GrpcFault)) throw error;
      this.#fail(error.status);
    }
    this.#delivering = false;
    // For a call that has ended nothing is kept.
    return this.#call === undefined ? end : position;
  }

  /** Ends the stream with a status behind what was sent; for the call it is gone. */
  #fail(status: StreamStatus): void {
    const call = this.#call;
    if (call === undefined) return;
    this.#call = undefined;
    this.#guarded(() => call.cancelled());
    this.finish(status);
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#host.callFailed(this, error);
    }
  }

  #close(byReset: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#call = undefined;
    clearTimeout(this.#deadline);
    const { sending } = this.#host;
    sending.forget(this);
    if (this.#queue !== undefined) sending.queuedBytes -= this.#queue.length;
    this.#queue = undefined;
    this.#held = undefined;
    if (this.#withheld > 0) this.#host.release(this.#withheld);
    this.#service?.closed();
    this.#host.closed(this, byReset);
  }
}
