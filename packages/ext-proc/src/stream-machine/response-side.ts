import type { BodyMode, ProcessingMode, ProtocolConfig } from "../codec/body-mode.ts";
import { type ProcessingRequest, readAttributes, readNamespace } from "../codec/processing-request.ts";
import { type Answer, type BodyMutation, encodeProcessingResponse } from "../codec/processing-response.ts";
import type { JsonObject } from "../codec/struct.ts";
import { NO_BYTES } from "../codec/wire-reader.ts";
import type { ResponseHeadersAnswer } from "../exchange.ts";
import { type HeaderList, lazyHeaderList } from "../headers.ts";
import { ENDPOINT_NAMESPACE, EXT_PROC_FILTER, SERVED_KEY, UPSTREAM_ADDRESS } from "../wire-names.ts";
import type { StreamContext } from "./stream-context.ts";
import { StreamFault } from "./stream-fault.ts";
import { type AnswerParts, pushStreamedBody } from "./streamed-body.ts";

const NOTHING: ResponseHeadersAnswer = { setHeaders: [], removeHeaders: [], body: "none" };

/** The response half of a stream: hands headers and body to the exchange and answers each message at once. */
export class ResponseSide {
  readonly #stream: StreamContext;
  #started = false;
  #ended = false;
  #trailersSeen = false;
  #served: string | undefined;
  #wish: ResponseHeadersAnswer["body"] = "none";
  /** Set while an override was sent and no body has come yet. */
  #overridePending = false;
  #mode: BodyMode | undefined;

  constructor(stream: StreamContext) {
    this.#stream = stream;
  }

  get started(): boolean {
    return this.#started;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get served(): string | undefined {
    return this.#served;
  }

  onHeaders(message: ProcessingRequest): void {
    if (this.#started) throw new StreamFault("response_headers came where they cannot come");
    this.#started = true;
    const headers = lazyHeaderList(message.headerMap);
    const status = statusOf(headers);
    this.#served = servedEndpoint(message);
    this.#ended = message.endOfStream;
    const answer = this.#guarded(NOTHING, (exchange) =>
      exchange.responseHeaders({ headers, status, served: this.#served, endOfStream: message.endOfStream }),
    );
    const modeOverride = message.endOfStream ? undefined : this.#askForBody(answer.body);
    const lengthMayChange = this.#wish === "rewrite" && this.#bodyMode !== "BUFFERED";
    this.#answer({
      kind: "response_headers",
      setHeaders: answer.setHeaders,
      removeHeaders: lengthMayChange ? [...answer.removeHeaders, "content-length"] : answer.removeHeaders,
      ...(modeOverride === undefined ? {} : { modeOverride }),
    });
  }

  onBody(message: ProcessingRequest): void {
    if (this.#ended) return;
    this.#started = true;
    this.#overridePending = false;
    this.#ended = message.endOfStream;
    const chunk = message.body;
    const result = this.#show(chunk, message.endOfStream);
    const last = message.endOfStream ? this.#endMetadata() : {};
    if (this.#bodyMode === "FULL_DUPLEX_STREAMED") {
      pushStreamedBody(this.#stream.outbox, "response_body", result, message.endOfStream, { last });
    } else if (result === chunk) {
      this.#answer({ kind: "response_body", ...last });
    } else {
      const bodyMutation: BodyMutation = result.length > 0 ? { kind: "body", body: result } : { kind: "clear" };
      const length: AnswerParts =
        this.#bodyMode === "BUFFERED" ? { setHeaders: [["content-length", String(result.length)]] } : {};
      this.#answer({ kind: "response_body", ...length, ...last, bodyMutation });
    }
  }

  onTrailers(): void {
    if (this.#trailersSeen) throw new StreamFault("response_trailers came twice");
    this.#trailersSeen = true;
    this.#started = true;
    const bodyEndsHere = !this.#ended;
    this.#ended = true;
    let last: AnswerParts = {};
    if (bodyEndsHere) {
      const rest = this.#show(NO_BYTES, true);
      last = this.#endMetadata();
      if (rest.length > 0 && this.#bodyMode === "FULL_DUPLEX_STREAMED") {
        pushStreamedBody(this.#stream.outbox, "response_body", rest, false);
      }
    }
    this.#answer({ kind: "response_trailers", ...last });
  }

  /** Call when the stream is over: tells whether a body that was asked for never came. */
  closed(): void {
    if (this.#overridePending) this.#stream.overrideIgnored("ignored-by-proxy");
  }

  get #bodyMode(): BodyMode {
    return this.#mode ?? this.#stream.config.responseBody;
  }

  /** Makes sure, as far as it can be, that the body will be shown. */
  #askForBody(wish: ResponseHeadersAnswer["body"]): ProcessingMode | undefined {
    if (wish === "none") return undefined;
    const { config } = this.#stream;
    if (config.responseBody !== "NONE") {
      this.#wish = wish;
      return undefined;
    }
    if (wish === "glance") return undefined;
    if (config.requestBody === "FULL_DUPLEX_STREAMED") {
      this.#stream.overrideIgnored("request-is-full-duplex");
      return undefined;
    }
    if (this.#stream.observability) return undefined;
    this.#wish = wish;
    this.#mode = "STREAMED";
    this.#overridePending = true;
    return streamedResponseBody(config);
  }

  #show(chunk: Uint8Array, end: boolean): Uint8Array {
    if (this.#wish === "none") return chunk;
    return this.#guarded(chunk, (exchange) => exchange.responseBody(chunk, end));
  }

  #endMetadata(): { dynamicMetadata?: Readonly<Record<string, JsonObject>> } {
    const dynamicMetadata = this.#guarded(undefined, (exchange) => exchange.endMetadata?.());
    return dynamicMetadata === undefined ? {} : { dynamicMetadata };
  }

  /** A failing exchange loses its say in this response; the client still gets the response. */
  #guarded<T>(otherwise: T, call: (exchange: StreamContext["exchange"]) => T): T {
    try {
      return call(this.#stream.exchange);
    } catch (error) {
      this.#wish = "none";
      this.#stream.handlerFailed(error);
      return otherwise;
    }
  }

  #answer(answer: Answer): void {
    this.#stream.outbox.push(encodeProcessingResponse(answer));
  }
}

/** All six modes: Envoy takes a missing one for its zero value, so that a request body would no longer be shown. */
function streamedResponseBody(config: ProtocolConfig): ProcessingMode {
  return {
    requestHeaders: "SEND",
    responseHeaders: "SEND",
    requestBody: config.requestBody,
    responseBody: "STREAMED",
    requestTrailers: "SKIP",
    responseTrailers: "SEND",
  };
}

/** `:status` is what proxies send; a header named `status` is what some test clients send. */
function statusOf(headers: HeaderList): number | undefined {
  const text = headers.get(":status") ?? headers.get("status");
  return text !== undefined && /^\d{3}$/.test(text) ? Number(text) : undefined;
}

function servedEndpoint(message: ProcessingRequest): string | undefined {
  const served =
    readNamespace(message.metadata, ENDPOINT_NAMESPACE)?.[SERVED_KEY] ??
    readAttributes(message, EXT_PROC_FILTER)?.[UPSTREAM_ADDRESS];
  return typeof served === "string" && served !== "" ? served : undefined;
}
