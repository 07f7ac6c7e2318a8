import { ClosedStreams } from "./closed-streams.ts";
import { FloodGuard } from "./flood-guard.ts";
import {
  checkGoaway,
  checkPing,
  checkPriority,
  checkRstStream,
  isSettingsAck,
  parseHeaders,
  parseWindowUpdate,
  protocolError,
} from "./frame-payloads.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { type ByteSink, FrameWriter } from "./frame-writer.ts";
import { HeaderBlock } from "./header-block.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import { DEFAULT_WINDOW, ERROR_CODE, type ErrorName, FLAG, FRAME, MAX_STREAM_ID } from "./http2.ts";
import { Http2Fault } from "./http2-fault.ts";
import type { ConnectionLimits } from "./limits.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { RequestHead } from "./request-head.ts";
import type { Router } from "./router.ts";
import { SendScheduler } from "./send-scheduler.ts";
import { applySettings, CONNECTION_WINDOW_BYTES, encodeSettings } from "./settings.ts";
import { Stream, type StreamHost } from "./stream.ts";
import { Watchdog } from "./watchdog.ts";

/** The socket below a connection. */
export interface Wire extends ByteSink {
  pause(): unknown;
  resume(): unknown;
  /** Closes it behind what was written. */
  end(): unknown;
  destroy(): unknown;
}

export interface ConnectionOptions {
  readonly limits: ConnectionLimits;
  readonly maxMessageBytes: number;
  readonly route: Router;
  /** The peer broke the protocol or a limit: once per stream or connection that it costs. */
  onFault(fault: Http2Fault): void;
  /** A service threw. */
  onCallFailed(error: unknown): void;
}

/** How long a connection that was given up may still deliver the reason. */
const LINGER_MS = 1_000;
/** A stream that is reset later than this was no attempt to make us work for nothing. */
const ABANDONED_WITHIN_MS = 1_000;
/** How long a peer may take to acknowledge that the connection drains before that is taken for granted. */
const DRAIN_ACK_MS = 1_000;
const DRAIN_PING = Buffer.from("draining");
const KEEPALIVE_PING = Buffer.from("pingping");
/** Waiting streams that cost as much as one frame when all of them are looked at. */
const STREAMS_PER_FRAME = 64;

/** One HTTP/2 connection of a client (RFC 9113). Whatever happens, every call on it ends. */
export class Connection implements FrameSink, StreamHost {
  readonly writer: FrameWriter;
  readonly sending: SendScheduler;
  readonly maxMessageBytes: number;
  readonly maxQueuedBytes: number;
  now: number;
  /** False once it was given up: nothing is read any more. */
  open = true;

  readonly #wire: Wire;
  readonly #options: ConnectionOptions;
  readonly #reader = new FrameReader(this);
  readonly #decoder = new HpackDecoder();
  readonly #head = new RequestHead();
  readonly #window = new ReceiveWindow(CONNECTION_WINDOW_BYTES);
  readonly #watchdog: Watchdog;
  readonly #idleFrames: FloodGuard;
  readonly #abandoned: FloodGuard;

  readonly #streams = new Map<number, Stream>();
  readonly #closedStreams = new ClosedStreams();
  #lastStreamId = 0;
  #settingsSeen = false;
  #block: HeaderBlock | undefined;
  #dataStream: Stream | undefined;
  #draining: "no" | "announced" | "final" = "no";
  #drainSince = 0;
  #inTurn = false;
  #scheduled: NodeJS.Immediate | undefined;
  #readingPaused = false;
  #linger: NodeJS.Timeout | undefined;

  constructor(wire: Wire, options: ConnectionOptions) {
    const { limits } = options;
    this.now = performance.now();
    this.#wire = wire;
    this.#options = options;
    this.maxMessageBytes = options.maxMessageBytes;
    this.maxQueuedBytes = limits.maxQueuedBytes;
    this.#watchdog = new Watchdog(limits, this.#reader, this.now);
    this.#idleFrames = new FloodGuard(limits.idleFrames, this.now);
    this.#abandoned = new FloodGuard(limits.abandonedStreams, this.now);
    this.writer = new FrameWriter(wire, () => this.#written());
    this.sending = new SendScheduler(this.writer);
    this.writer.settings(encodeSettings(limits));
    this.writer.windowUpdate(0, CONNECTION_WINDOW_BYTES - DEFAULT_WINDOW);
  }

  // ── the socket ──

  /** Bytes have come; they are looked at during the call only. */
  read(bytes: Buffer): void {
    if (!this.open) return;
    this.now = performance.now();
    this.#inTurn = true;
    try {
      this.#reader.read(bytes);
    } catch (error) {
      this.#failed(error);
    }
    this.#inTurn = false;
    this.#watchdog.readDone(this.now);
    this.#turnEnds();
  }

  /** The socket takes bytes again. */
  drained(): void {
    if (this.#readingPaused) {
      this.#readingPaused = false;
      this.#wire.resume();
    }
    this.now = performance.now();
    this.#turnEnds();
  }

  /** The socket is gone. */
  gone(): void {
    this.open = false;
    clearTimeout(this.#linger);
    clearImmediate(this.#scheduled);
    this.#abortStreams();
  }

  /** To be called now and then: enforces the time limits. */
  sweep(now: number): void {
    if (!this.open) return;
    this.now = now;
    for (const sender of this.sending.waiting) {
      if (now - sender.waitingSince > this.#options.limits.stallTimeoutMs) sender.giveUpWaiting();
    }
    const due = this.#watchdog.check(now, this.#block?.since, this.writer.congested);
    if (due instanceof Http2Fault) this.#fail(due);
    else if (due === "ping") this.writer.ping(KEEPALIVE_PING);
    if (this.#draining === "announced" && now - this.#drainSince > DRAIN_ACK_MS) this.#finalGoaway();
  }

  /** Lets running streams finish, accepts new ones for as long as the peer cannot know better, then closes. */
  drain(): void {
    if (!this.open || this.#draining !== "no") return;
    this.now = performance.now();
    this.#draining = "announced";
    this.#drainSince = this.now;
    this.writer.goaway(MAX_STREAM_ID, ERROR_CODE.NO_ERROR, "draining");
    this.writer.ping(DRAIN_PING);
  }

  /** Cuts everything off. */
  close(): void {
    if (this.open) {
      this.open = false;
      this.writer.goaway(this.#lastStreamId, ERROR_CODE.NO_ERROR, "closing");
      this.writer.flush();
    }
    this.#abortStreams();
    this.#wire.destroy();
  }

  // ── frames ──

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (this.#block !== undefined && type !== FRAME.CONTINUATION) throw protocolError("a frame inside a header block");
    if (!this.#settingsSeen && type !== FRAME.SETTINGS) throw protocolError("the first frame is not SETTINGS");
    switch (type) {
      case FRAME.HEADERS:
        this.#headers(flags, id, bytes, start, end);
        return;
      case FRAME.CONTINUATION:
        this.#continuation(flags, id, bytes, start, end);
        return;
      case FRAME.WINDOW_UPDATE:
        this.#windowUpdate(id, bytes, start, end);
        return;
      case FRAME.RST_STREAM:
        this.#rstStream(id, start, end);
        return;
      case FRAME.SETTINGS:
        this.#settings(flags, id, bytes, start, end);
        return;
      case FRAME.PING:
        this.#ping(flags, id, bytes, start, end);
        return;
      case FRAME.PRIORITY:
        checkPriority(id, bytes, start, end);
        break;
      case FRAME.GOAWAY:
        // The peer opens no more streams; those that are open go on.
        checkGoaway(id, start, end);
        break;
      case FRAME.PUSH_PROMISE:
        throw protocolError("PUSH_PROMISE from a client");
    }
    this.#idleFrame();
  }

  dataStart(flags: number, id: number, length: number): void {
    if (this.#block !== undefined) throw protocolError("DATA inside a header block");
    if (!this.#settingsSeen) throw protocolError("the first frame is not SETTINGS");
    if (id === 0) throw protocolError("DATA of the connection");
    if (!this.#window.take(length)) throw new Http2Fault("FLOW_CONTROL_ERROR", "more DATA than the window allows");
    const endStream = (flags & FLAG.END_STREAM) !== 0;
    if (!endStream && (length === 0 || (flags & FLAG.PADDED) !== 0)) this.#idleFrame();
    const stream = this.#streams.get(id);
    if (stream !== undefined) {
      if (stream.dataStart(length, endStream)) this.#dataStream = stream;
      return;
    }
    this.release(length);
    if (this.#isIdle(id)) throw protocolError("DATA on a stream that was never opened");
    if (this.#closedStreams.wasReset(id)) return;
    this.writer.rstStream(id, ERROR_CODE.STREAM_CLOSED);
    this.#idleFrame();
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.#dataStream?.data(bytes, start, end);
  }

  dataEnd(flags: number): void {
    const stream = this.#dataStream;
    this.#dataStream = undefined;
    if ((flags & FLAG.END_STREAM) !== 0) stream?.halfClose();
  }

  #headers(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const { start, end } = parseHeaders(flags, id, bytes, from, to);
    if ((flags & FLAG.END_HEADERS) !== 0) {
      this.#fields(id, (flags & FLAG.END_STREAM) !== 0, bytes, start, end);
    } else {
      this.#block = new HeaderBlock(id, flags, this.#options.limits, this.now);
      this.#block.add(bytes, start, end);
    }
  }

  #continuation(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const block = this.#block;
    if (block === undefined || block.streamId !== id) throw protocolError("CONTINUATION of nothing");
    block.continuation(bytes, start, end);
    if ((flags & FLAG.END_HEADERS) === 0) return;
    this.#block = undefined;
    const whole = block.whole();
    this.#fields(id, block.endStream, whole, 0, whole.length);
  }

  /** A header block is complete. It must be decoded whatever its stream: the tables of both sides must agree. */
  #fields(id: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    const head = this.#head;
    head.reset();
    this.#decoder.decode(bytes, start, end, head);
    const stream = this.#streams.get(id);
    if (stream !== undefined) {
      this.#trailers(stream, endStream);
      return;
    }
    if (id <= this.#lastStreamId) {
      const wasReset = this.#closedStreams.wasReset(id);
      if (wasReset === undefined) throw protocolError(`stream ${id} after stream ${this.#lastStreamId}`);
      if (!wasReset) throw new Http2Fault("STREAM_CLOSED", `HEADERS on stream ${id}, which has ended`);
      this.#idleFrame();
      return;
    }
    this.#lastStreamId = id;
    const fault =
      head.requestFault() ?? (endStream && head.contentLength > 0 ? "a request without its body" : undefined);
    if (fault !== undefined) this.#refuse(id, "PROTOCOL_ERROR", fault);
    else if (this.#draining === "final") this.#refuse(id, "REFUSED_STREAM");
    else if (this.#streams.size >= this.#options.limits.maxStreamsPerConnection) {
      this.#refuse(id, "REFUSED_STREAM", "too many streams");
    } else {
      const opened = new Stream(this, id, head.contentLength, endStream);
      this.#streams.set(id, opened);
      this.#options.route(head, opened);
      if (endStream) opened.halfClose();
    }
  }

  #trailers(stream: Stream, endStream: boolean): void {
    const fault = endStream ? this.#head.trailersFault() : "HEADERS in the middle of a stream";
    if (stream.remoteClosed) this.reset(stream, "STREAM_CLOSED", "HEADERS after the end of the stream");
    else if (fault !== undefined) this.reset(stream, "PROTOCOL_ERROR", fault);
    else stream.halfClose();
  }

  #windowUpdate(id: number, bytes: Buffer, start: number, end: number): void {
    this.#idleFrame();
    const increment = parseWindowUpdate(bytes, start, end);
    if (id === 0) {
      if (increment === 0) throw protocolError("WINDOW_UPDATE by nothing");
      this.sending.widen(increment);
      return;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      if (this.#isIdle(id)) throw protocolError("WINDOW_UPDATE of a stream that was never opened");
    } else if (increment === 0) {
      this.reset(stream, "PROTOCOL_ERROR", "WINDOW_UPDATE by nothing");
    } else if (!stream.widen(increment)) {
      this.reset(stream, "FLOW_CONTROL_ERROR", "the window exceeds 2^31-1");
    }
  }

  #rstStream(id: number, start: number, end: number): void {
    checkRstStream(start, end);
    if (this.#isIdle(id)) throw protocolError("RST_STREAM of a stream that was never opened");
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      this.#idleFrame();
      return;
    }
    stream.abort(false);
    this.#countAbandoned(stream);
  }

  #settings(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (isSettingsAck(flags, id, start, end)) {
      if (!this.#settingsSeen) throw protocolError("the first frame acknowledges");
      this.#idleFrame();
      return;
    }
    this.#settingsSeen = true;
    const { settings, waiting } = this.sending;
    const { initialWindow } = settings;
    applySettings(settings, bytes, start, end);
    this.writer.settingsAck();
    this.#idleFrame();
    if (settings.initialWindow <= initialWindow) return;
    for (let seen = 0; seen < waiting.size; seen += STREAMS_PER_FRAME) this.#idleFrame();
    this.sending.wakeAll();
  }

  #ping(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    checkPing(id, start, end);
    this.#idleFrame();
    if ((flags & FLAG.ACK) === 0) this.writer.pingAck(bytes, start, end);
    else if (this.#draining === "announced" && DRAIN_PING.equals(bytes.subarray(start, end))) this.#finalGoaway();
  }

  // ── for the streams ──

  release(bytes: number): void {
    const increment = this.#window.release(bytes);
    if (increment > 0 && this.open) this.writer.windowUpdate(0, increment);
  }

  worked(): void {
    // A frame of content may be answered with an update of two windows.
    this.#idleFrames.earn(2);
  }

  reset(stream: Stream, code: ErrorName, message: string): void {
    if (stream.closed) return;
    this.writer.rstStream(stream.id, ERROR_CODE[code]);
    this.#options.onFault(new Http2Fault(code, message, stream.id));
    stream.abort(true);
    this.#countAbandoned(stream);
  }

  closed(stream: Stream, byReset: boolean): void {
    this.#streams.delete(stream.id);
    this.#closedStreams.add(stream.id, byReset);
    if (this.#dataStream === stream) this.#dataStream = undefined;
    if (stream.answered) {
      this.#abandoned.earn(1);
      this.#idleFrames.earn(2);
    }
    this.#closeIfDrained();
  }

  callFailed(stream: Stream, error: unknown): void {
    this.#options.onCallFailed(error);
    if (stream.closed) return;
    this.writer.rstStream(stream.id, ERROR_CODE.INTERNAL_ERROR);
    stream.abort(true);
  }

  // ── the end ──

  #refuse(id: number, code: ErrorName, fault?: string): void {
    this.#closedStreams.add(id, true);
    this.writer.rstStream(id, ERROR_CODE[code]);
    if (fault === undefined) return;
    this.#options.onFault(new Http2Fault(code, fault, id));
    if (!this.#abandoned.spend(1, this.now)) this.#fail(tooMany("refused streams"));
  }

  #countAbandoned(stream: Stream): void {
    if (stream.answered || this.now - stream.openedAt > ABANDONED_WITHIN_MS) return;
    if (!this.#abandoned.spend(1, this.now)) this.#fail(tooMany("abandoned streams"));
  }

  /** A frame has brought no content. */
  #idleFrame(): void {
    if (!this.#idleFrames.spend(1, this.now)) throw tooMany("frames without content");
  }

  #isIdle(id: number): boolean {
    return id > this.#lastStreamId || id % 2 === 0;
  }

  #failed(error: unknown): void {
    if (!(error instanceof Http2Fault)) this.#options.onCallFailed(error);
    this.#fail(error instanceof Http2Fault ? error : new Http2Fault("INTERNAL_ERROR", "a mistake of this server"));
  }

  /** Gives the connection up and tells the peer why. */
  #fail(fault: Http2Fault): void {
    if (!this.open) return;
    this.writer.goaway(this.#lastStreamId, ERROR_CODE[fault.code], fault.message);
    this.#giveUp();
    this.#options.onFault(fault);
  }

  #finalGoaway(): void {
    this.#draining = "final";
    this.writer.goaway(this.#lastStreamId, ERROR_CODE.NO_ERROR, "draining");
    for (const stream of this.#streams.values()) stream.retire();
    this.#closeIfDrained();
  }

  #closeIfDrained(): void {
    if (this.open && this.#draining === "final" && this.#streams.size === 0) this.#giveUp();
  }

  #giveUp(): void {
    this.open = false;
    this.writer.flush();
    this.#abortStreams();
    this.#wire.end();
    this.#linger = setTimeout(() => this.#wire.destroy(), LINGER_MS);
    this.#linger.unref();
  }

  #abortStreams(): void {
    for (const stream of this.#streams.values()) stream.abort(false);
  }

  // ── turns ──

  /** The first frame of a batch was written: see that it leaves. */
  #written(): void {
    if (this.#inTurn || this.#scheduled !== undefined) return;
    this.#scheduled = setImmediate(() => {
      this.#scheduled = undefined;
      this.now = performance.now();
      this.#turnEnds();
    });
  }

  #turnEnds(): void {
    if (!this.open) return;
    this.sending.pump();
    this.writer.flush();
    if (this.writer.congested && !this.#readingPaused) {
      // Who does not read is not read: answers to what it sends must not pile up.
      this.#readingPaused = true;
      this.#wire.pause();
    }
  }
}

function tooMany(what: string): Http2Fault {
  return new Http2Fault("ENHANCE_YOUR_CALM", `too many ${what}`);
}
