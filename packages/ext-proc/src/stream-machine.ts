import type { ProtocolConfig } from "./codec/body-mode.ts";
import { CodecFault } from "./codec/codec-fault.ts";
import { decodeProcessingRequest, type ProcessingRequest } from "./codec/processing-request.ts";
import { encodeProcessingResponse } from "./codec/processing-response.ts";
import type { Exchange, ExchangeFactory, Rejection, RouteAnswer, RouteInput, StreamPhase } from "./exchange.ts";
import { DEFAULT_LIMITS, type StreamLimits } from "./stream-machine/limits.ts";
import { Outbox } from "./stream-machine/outbox.ts";
import { immediateResponse, internalErrorRejection } from "./stream-machine/rejections.ts";
import { RequestSide } from "./stream-machine/request-side.ts";
import { ResponseSide } from "./stream-machine/response-side.ts";
import type { OverrideIgnored, StreamContext } from "./stream-machine/stream-context.ts";
import { StreamFault } from "./stream-machine/stream-fault.ts";

/** A gRPC status other than OK with which a stream ends. */
export interface StreamStatus {
  readonly code: number;
  readonly message: string;
}

const INVALID_ARGUMENT = 3;

export interface StreamMachineOptions {
  readonly handler: ExchangeFactory;
  readonly limits?: Partial<StreamLimits>;
  /**
   * Takes one encoded message to send. Returns false when its buffer is full; the message is taken all the same, but
   * no further one is offered until `drained()`, except an immediate response.
   */
  send(message: Uint8Array): boolean;
  /** Ends the stream, with OK if no status is given. Called at most once; nothing is sent afterwards. */
  finish(status?: StreamStatus): void;
  /** Called when `receive` has returned false and messages are wanted again. */
  resume?(): void;
  /** The peer broke the protocol: a `CodecFault` or a `StreamFault`. */
  onProtocolError?(fault: Error): void;
  /** The exchange threw or broke its contract. */
  onHandlerError?(error: unknown): void;
  /** The body of this response was wanted and is not shown. At most once per stream. */
  onOverrideIgnored?(reason: OverrideIgnored): void;
  /** Shapes the 500 of a request whose exchange failed. */
  internalError?(error: unknown): Rejection;
}

/** One ext_proc stream, that is one HTTP exchange. Bytes in, bytes out; knows no transport. */
export interface StreamMachine {
  /**
   * Takes one encoded `ProcessingRequest`. The bytes belong to the machine from now on.
   *
   * @returns false if the peer should be read no further until `resume`; a message that comes nevertheless is kept
   */
  receive(message: Uint8Array): boolean;
  /** The peer will send nothing more. What is due is still sent, then the stream ends with OK. */
  halfClosed(): void;
  /** The stream is gone: reset, timed out or disconnected. Harmless after the stream has ended. */
  cancelled(): void;
  /** The transport's buffer has room again. */
  drained(): void;
  /** See {@link ExchangeControl.evict}. */
  evict(rejection: Rejection): boolean;
}

/** Messages kept while the machine cannot take the next one. In the modes in which Envoy waits, one is the most. */
const INBOX_HIGH_WATER = 8;

/** Creates the state machine of one stream and opens its exchange. */
export function createStreamMachine(options: StreamMachineOptions): StreamMachine {
  return new Machine(options);
}

class Machine implements StreamMachine, StreamContext {
  readonly exchange: Exchange;
  readonly limits: StreamLimits;
  readonly outbox: Outbox;
  config: ProtocolConfig = {
    requestBody: "FULL_DUPLEX_STREAMED",
    responseBody: "FULL_DUPLEX_STREAMED",
    sendBodyWithoutWaiting: false,
  };
  observability = false;

  readonly #options: StreamMachineOptions;
  readonly #request: RequestSide;
  readonly #response: ResponseSide;
  #inbox: Uint8Array[] = [];
  #paused = false;
  #firstSeen = false;
  #inputEnded = false;
  #deciding = false;
  #decided = false;
  #finishWhenSent = false;
  #pumping = false;
  #closed = false;
  #rejected = false;
  #evicted = false;

  constructor(options: StreamMachineOptions) {
    this.#options = options;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.outbox = new Outbox(options.send);
    this.#request = new RequestSide(this);
    this.#response = new ResponseSide(this);
    this.exchange = options.handler.open({ evict: (rejection) => this.evict(rejection) });
  }

  get responseStarted(): boolean {
    return this.#response.started;
  }

  receive(message: Uint8Array): boolean {
    if (this.#closed || this.#inputEnded) return true;
    this.#inbox.push(message);
    this.#pump();
    this.#paused = this.#inbox.length >= INBOX_HIGH_WATER;
    return !this.#paused;
  }

  halfClosed(): void {
    this.#inputEnded = true;
    this.#pump();
  }

  cancelled(): void {
    if (!this.#closed) this.#close({ cancelled: true });
  }

  drained(): void {
    if (this.#closed) return;
    this.outbox.drained();
    this.#pump();
  }

  evict(rejection: Rejection): boolean {
    if (this.#closed || this.#response.started) return false;
    this.#evicted = true;
    this.reject(rejection);
    return true;
  }

  decide(input: RouteInput): void {
    this.#deciding = true;
    const answer = this.exchange.route(input);
    if (!isPromise(answer)) {
      this.#decisionCame(answer);
      return;
    }
    answer.then(
      (settled) => this.#later(() => this.#decisionCame(settled)),
      (error: unknown) => this.#later(() => this.#requestFailed(error)),
    );
  }

  reject(rejection: Rejection): void {
    if (this.#closed) return;
    this.#rejected = true;
    this.outbox.sendLast(encodeProcessingResponse(immediateResponse(rejection)));
    this.#close({});
  }

  finishWhenSent(): void {
    this.#finishWhenSent = true;
  }

  handlerFailed(error: unknown): void {
    this.#options.onHandlerError?.(error);
  }

  overrideIgnored(reason: OverrideIgnored): void {
    this.#options.onOverrideIgnored?.(reason);
  }

  /** Works off the inbox for as long as a message can be handled, then ends the stream if nothing more can come. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (!this.#closed && !this.#deciding && !this.#finishWhenSent && this.outbox.idle) {
      const message = this.#inbox.shift();
      if (message === undefined) break;
      this.#handle(message);
    }
    this.#pumping = false;
    if (this.#closed || this.#deciding || !this.outbox.idle) return;
    if (this.#finishWhenSent || this.#inputEnded) {
      this.#close({});
    } else if (this.#paused) {
      this.#paused = false;
      this.#options.resume?.();
    }
  }

  #handle(encoded: Uint8Array): void {
    try {
      const message = decodeProcessingRequest(encoded);
      if (!this.#firstSeen) {
        this.#firstSeen = true;
        if (message.protocolConfig !== undefined) this.config = message.protocolConfig;
        this.observability = message.observabilityMode;
        this.outbox.muted = message.observabilityMode;
      }
      this.#dispatch(message);
    } catch (error) {
      if (error instanceof CodecFault || error instanceof StreamFault) this.#protocolFailed(error);
      else this.#requestFailed(error);
    }
  }

  #dispatch(message: ProcessingRequest): void {
    switch (message.kind) {
      case "request_headers":
        this.#request.onHeaders(message);
        return;
      case "request_body":
        this.#request.onBody(message);
        return;
      case "request_trailers":
        this.#request.onTrailers(message);
        return;
      case "response_headers":
        this.#request.abandon();
        this.#response.onHeaders(message);
        return;
      case "response_body":
        this.#request.abandon();
        this.#response.onBody(message);
        return;
      case "response_trailers":
        this.#request.abandon();
        this.#response.onTrailers();
        return;
    }
  }

  /** Runs what a settled promise asks for, unless the stream has ended meanwhile. */
  #later(continuation: () => void): void {
    if (this.#closed) return;
    try {
      continuation();
    } catch (error) {
      this.#requestFailed(error);
    }
    this.#pump();
  }

  #decisionCame(answer: RouteAnswer): void {
    this.#deciding = false;
    if (this.#closed) return; // evicted from within `route`
    this.#decided = true;
    if (answer.kind === "reject") this.reject(answer);
    else this.#request.decided(answer);
  }

  #requestFailed(error: unknown): void {
    this.#deciding = false;
    if (error instanceof CodecFault) {
      // A lazily decoded part of the request turned out to be malformed while the exchange read it.
      this.#protocolFailed(error);
      return;
    }
    this.handlerFailed(error);
    // Response headers may be with the client already: an immediate response would cut the response off.
    if (this.#response.started) this.#close({});
    else this.reject(this.#options.internalError?.(error) ?? internalErrorRejection());
  }

  #protocolFailed(fault: Error): void {
    this.#options.onProtocolError?.(fault);
    this.#close({ fault });
  }

  #close({ cancelled = false, fault }: { cancelled?: boolean; fault?: Error }): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox = [];
    this.#response.closed();
    if (!cancelled)
      this.#options.finish(fault === undefined ? undefined : { code: INVALID_ARGUMENT, message: fault.message });
    try {
      this.exchange.end({
        phase: this.#phase,
        responseStarted: this.#response.started,
        responseEnded: this.#response.ended,
        rejected: this.#rejected,
        evicted: this.#evicted,
        served: this.#response.served,
        cancelled,
        fault,
      });
    } catch (error) {
      this.handlerFailed(error);
    }
  }

  get #phase(): StreamPhase {
    if (this.#response.started) return "response";
    if (this.#deciding) return "deciding";
    if (this.#decided) return "decided";
    return this.#firstSeen ? "request" : "opened";
  }
}

function isPromise(answer: RouteAnswer | Promise<RouteAnswer>): answer is Promise<RouteAnswer> {
  return typeof (answer as Promise<RouteAnswer>).then === "function";
}
