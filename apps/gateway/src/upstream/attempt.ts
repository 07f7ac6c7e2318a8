import type { Dispatcher, Pool } from "undici";
import { HeaderFields } from "../http/header-fields.ts";
import type { ResponseHead } from "../http/message-head.ts";
import type { BodySink, BodySource } from "./body-source.ts";

export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  /** The Host header; empty for none of the client's. */
  readonly authority: string;
  /** Without hop-by-hop fields, host and content-length. */
  readonly headers: readonly string[];
  readonly body: Buffer | undefined;
}

export interface UpstreamResponse extends ResponseHead {
  readonly body: BodySource;
}

export type AttemptOutcome =
  | { readonly kind: "response"; readonly response: UpstreamResponse }
  /** Nothing was written to a connection: another server can be tried without doing anything twice. */
  | { readonly kind: "unsent"; readonly error: Error }
  /** The connection was lost after the request was sent and before response headers came. */
  | { readonly kind: "reset"; readonly error: Error }
  /** The request cannot be written as HTTP/1.1. */
  | { readonly kind: "unsendable"; readonly error: Error }
  | { readonly kind: "aborted" };

const UNSENDABLE: ReadonlySet<string | undefined> = new Set(["UND_ERR_INVALID_ARG", "UND_ERR_NOT_SUPPORTED"]);

/** One request to one server. */
export class Attempt implements Dispatcher.DispatchHandler, BodySource {
  /** Settles with the response headers, or the failure to get them. Never rejects. */
  readonly outcome: Promise<AttemptOutcome>;
  #settle!: (outcome: AttemptOutcome) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #aborted = false;
  #responded = false;
  #ended = false;
  #sink: BodySink | undefined;
  /** The body broke before anybody wanted it. */
  #failure: Error | undefined;

  constructor(pool: Pool, { method, path, authority, headers, body }: UpstreamRequest) {
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const host = authority === "" ? [] : ["host", authority];
    pool.dispatch(
      { method: method as Dispatcher.HttpMethod, path, headers: [...host, ...headers], body: body ?? null },
      this,
    );
  }

  start(sink: BodySink): void {
    if (this.#aborted) return;
    if (this.#failure !== undefined) {
      sink.failed(this.#failure);
      return;
    }
    this.#sink = sink;
    this.#controller?.resume();
  }

  pause(): void {
    if (!this.#ended) this.#controller?.pause();
  }

  resume(): void {
    // Afterwards the connection may carry another response, which is not ours to set going.
    if (!this.#ended) this.#controller?.resume();
  }

  abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#sink = undefined;
    this.#settle({ kind: "aborted" });
    this.#controller?.abort(new Error("the request was abandoned"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Abandoned while the connection was being made: undici then writes nothing.
    if (this.#aborted) controller.abort(new Error("the request was abandoned"));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    this.#responded = true;
    controller.pause();
    const raw = (controller.rawHeaders ?? []) as (Buffer | string)[];
    const headers = HeaderFields.fromRaw(
      raw.map((part) => (typeof part === "string" ? part : part.toString("latin1"))),
    );
    headers.removeHopByHop();
    this.#settle({ kind: "response", response: { status, headers, body: this } });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#sink?.data(chunk);
  }

  onResponseEnd(): void {
    this.#ended = true;
    this.#sink?.ended();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error & { code?: string }): void {
    this.#ended = true;
    if (this.#aborted) return;
    if (this.#responded) {
      this.#failure = error;
      this.#sink?.failed(error);
    } else if (UNSENDABLE.has(error.code)) this.#settle({ kind: "unsendable", error });
    else if (this.#controller === undefined) this.#settle({ kind: "unsent", error });
    else this.#settle({ kind: "reset", error });
  }
}
