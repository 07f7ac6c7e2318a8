import { countHeaders, type HeaderPairs } from "../codec/header-map.ts";
import { type ProcessingRequest, readNamespace } from "../codec/processing-request.ts";
import { type Answer, type BodyMutation, encodeProcessingResponse } from "../codec/processing-response.ts";
import type { JsonObject } from "../codec/struct.ts";
import { NO_BYTES } from "../codec/wire-reader.ts";
import type { BodyState, Pass, Route } from "../exchange.ts";
import { createHeaderList, type HeaderList, lazyHeaderList } from "../headers.ts";
import { parseSubsetHint } from "../subset-hint.ts";
import { DESTINATION_KEY, ENDPOINT_NAMESPACE, SUBSET_KEY, SUBSET_NAMESPACE } from "../wire-names.ts";
import { BodyBuffer } from "./body-buffer.ts";
import { headersTooLargeRejection } from "./rejections.ts";
import type { StreamContext } from "./stream-context.ts";
import { StreamFault } from "./stream-fault.ts";
import { type AnswerParts, pushStreamedBody } from "./streamed-body.ts";

type Step =
  /** Nothing has come yet. */
  | "start"
  /** The body is being collected for the decision. */
  | "collecting"
  /** The exchange was asked. */
  | "deciding"
  /** Decided; chunks that still come are acknowledged one by one. */
  | "passing"
  /** The request is over, except perhaps for its trailers. */
  | "done";

const NO_HEADERS = createHeaderList([]);

/** The request half of a stream: collects what the decision needs and answers in the form the body mode asks for. */
export class RequestSide {
  readonly #stream: StreamContext;
  #step: Step = "start";
  #headers: HeaderList = NO_HEADERS;
  #body = new BodyBuffer();
  #receivedBytes = 0;
  #bodyState: BodyState = "complete";
  #seenBody: Uint8Array = NO_BYTES;
  /** Answers that wait for the decision. */
  #owes = { headers: false, bodyMessages: 0, trailers: false };
  #trailersSeen = false;
  #headersMetadata: Uint8Array | undefined;
  #lastMetadata: Uint8Array | undefined;
  #skipResponse = false;

  constructor(stream: StreamContext) {
    this.#stream = stream;
  }

  onHeaders(message: ProcessingRequest): void {
    if (this.#step !== "start") throw new StreamFault("request_headers came where they cannot come");
    const { exchange, limits, config } = this.#stream;
    this.#headersMetadata = message.metadata;
    this.#lastMetadata = message.metadata;
    this.#step = "collecting";
    const count = countHeaders(message.headerMap);
    if (message.headerMap.length > limits.maxHeaderBytes || count > limits.maxHeaders) {
      this.#stream.reject(exchange.headersTooLarge?.() ?? headersTooLargeRejection());
      return;
    }
    this.#headers = lazyHeaderList(message.headerMap);
    exchange.requestHeaders?.(this.#headers);
    if (message.endOfStream) {
      this.#owes.headers = true;
      this.#decide("none");
    } else if (config.requestBody === "NONE") {
      this.#owes.headers = true;
      this.#decide("unseen");
    } else if (Number(this.#headers.get("content-length")) > limits.maxBodyBytes) {
      this.#stream.reject(exchange.bodyTooLarge(limits.maxBodyBytes));
    } else if (config.requestBody === "STREAMED" && !config.sendBodyWithoutWaiting) {
      // Envoy holds the body back until the headers are answered, so the answer cannot wait for it.
      this.#owes.headers = true;
      this.#decide("unseen");
    } else if (this.#isBuffered()) {
      // Envoy collects the body only after this answer, and holds the headers until the body is answered.
      this.#answer({ kind: "request_headers" });
    } else {
      this.#owes.headers = true;
    }
  }

  onBody(message: ProcessingRequest): void {
    if (this.#step === "done") return; // Envoy 1.35 to 1.37 may send a second end of stream
    this.#receivedBytes += message.body.length;
    const { exchange, limits } = this.#stream;
    if (this.#receivedBytes > limits.maxBodyBytes && !this.#stream.responseStarted) {
      this.#stream.reject(exchange.bodyTooLarge(limits.maxBodyBytes));
      return;
    }
    if (this.#step === "passing") {
      this.#answer({ kind: "request_body" });
      if (message.endOfStream) this.#requestIsOver();
      return;
    }
    this.#step = "collecting";
    this.#body.append(message.body);
    if (message.metadata?.length) this.#lastMetadata = message.metadata;
    this.#owes.bodyMessages++;
    if (message.endOfStream || this.#stream.config.requestBody === "BUFFERED") this.#decide("complete");
    else if (this.#stream.config.requestBody === "BUFFERED_PARTIAL") this.#decide("truncated");
  }

  onTrailers(message: ProcessingRequest): void {
    if (this.#trailersSeen) throw new StreamFault("request_trailers came twice");
    this.#trailersSeen = true;
    if (this.#step === "start" || this.#step === "collecting") {
      if (message.metadata?.length) this.#lastMetadata = message.metadata;
      this.#owes.trailers = true;
      this.#decide("complete");
    } else {
      this.#answer({ kind: "request_trailers" });
      if (this.#step === "passing") this.#requestIsOver();
    }
  }

  /** The response began before the request was decided (a reply of the proxy itself): there is nothing left to decide. */
  abandon(): void {
    if (this.#step === "passing") return;
    this.#body = new BodyBuffer();
    this.#release();
  }

  /** Turns the decision into the answers that are due. */
  decided(answer: Route | Pass): void {
    const seen = this.#bodyState === "complete" || this.#bodyState === "truncated";
    const replacement = answer.kind === "route" && seen ? answer.body : undefined;
    const changed = replacement !== undefined && replacement !== this.#seenBody;
    const body = replacement ?? this.#seenBody;
    // The decision rides on the first answer that can carry it.
    let decision: AnswerParts | undefined =
      answer.kind === "route" ? routeParts(answer, this.#contentLength(seen, changed, body)) : PASS;
    const takeDecision = (): AnswerParts => {
      const parts = decision ?? {};
      decision = undefined;
      return parts;
    };
    this.#skipResponse = answer.kind === "route" && answer.skipResponse === true;

    if (this.#owes.headers) this.#answer({ kind: "request_headers", ...takeDecision() });
    const { requestBody } = this.#stream.config;
    if (seen) {
      if (requestBody === "FULL_DUPLEX_STREAMED") this.#streamBody(body, takeDecision());
      else this.#answerBodyMessages(changed ? body : undefined, takeDecision);
    }
    if (this.#owes.trailers) {
      const { dynamicMetadata } = takeDecision();
      this.#answer({ kind: "request_trailers", ...(dynamicMetadata === undefined ? {} : { dynamicMetadata }) });
    }
    this.#owes = { headers: false, bodyMessages: 0, trailers: false };
    this.#seenBody = NO_BYTES;
    if (this.#bodyState === "unseen" && requestBody === "STREAMED") this.#step = "passing";
    else this.#requestIsOver();
  }

  #decide(bodyState: BodyState): void {
    this.#step = "deciding";
    this.#bodyState = bodyState;
    this.#seenBody = this.#body.take();
    this.#body = new BodyBuffer();
    const last = this.#lastMetadata;
    const first = this.#headersMetadata;
    const metadata = (namespace: string) => readNamespace(last, namespace) ?? readNamespace(first, namespace);
    this.#stream.decide({
      headers: this.#headers,
      body: bodyState === "none" || bodyState === "unseen" ? undefined : this.#seenBody,
      bodyState,
      subset: parseSubsetHint(metadata(SUBSET_NAMESPACE)?.[SUBSET_KEY]),
      metadata,
      observability: this.#stream.observability,
    });
  }

  /**
   * Envoy keeps content-length in BUFFERED only, where it must fit the body exactly; elsewhere it drops the header
   * itself and a correct value does no harm.
   */
  #contentLength(seen: boolean, changed: boolean, body: Uint8Array): number | undefined {
    if (!seen) return undefined;
    switch (this.#stream.config.requestBody) {
      case "BUFFERED":
        return changed ? body.length : undefined;
      case "BUFFERED_PARTIAL":
        return undefined;
      default:
        return body.length > 0 ? body.length : undefined;
    }
  }

  #streamBody(body: Uint8Array, first: AnswerParts): void {
    const endOfStream = !this.#owes.trailers;
    if (body.length > 0 || endOfStream)
      pushStreamedBody(this.#stream.outbox, "request_body", body, endOfStream, { first });
  }

  /** One answer per message: the first one carries the decision and the new body, the others lose their chunk to it. */
  #answerBodyMessages(newBody: Uint8Array | undefined, takeDecision: () => AnswerParts): void {
    for (let i = 0; i < this.#owes.bodyMessages; i++) {
      const bodyMutation: BodyMutation | undefined =
        newBody === undefined
          ? undefined
          : i === 0 && newBody.length > 0
            ? { kind: "body", body: newBody }
            : { kind: "clear" };
      this.#answer({
        kind: "request_body",
        ...takeDecision(),
        ...(bodyMutation === undefined ? {} : { bodyMutation }),
      });
    }
  }

  #requestIsOver(): void {
    this.#release();
    // In full duplex the answer may be on its way to us already, and Envoy would lose what we do not send back.
    if (this.#skipResponse && this.#stream.config.responseBody !== "FULL_DUPLEX_STREAMED")
      this.#stream.finishWhenSent();
  }

  /** A stream lives as long as its response: what belongs to the request must not be kept for so long. */
  #release(): void {
    this.#step = "done";
    this.#headers = NO_HEADERS;
    this.#headersMetadata = undefined;
    this.#lastMetadata = undefined;
  }

  #isBuffered(): boolean {
    const { requestBody } = this.#stream.config;
    return requestBody === "BUFFERED" || requestBody === "BUFFERED_PARTIAL";
  }

  #answer(answer: Answer): void {
    this.#stream.outbox.push(encodeProcessingResponse(answer));
  }
}

/** A client's own destination header would choose the backend if the picker said nothing. */
const PASS: AnswerParts = { removeHeaders: [DESTINATION_KEY] };

function routeParts(route: Route, contentLength: number | undefined): AnswerParts {
  const setHeaders: HeaderPairs = [
    [DESTINATION_KEY, route.destination],
    ...route.setHeaders,
    ...(contentLength === undefined ? [] : [["content-length", String(contentLength)] as const]),
  ];
  return {
    setHeaders,
    removeHeaders: route.removeHeaders,
    clearRouteCache: true,
    dynamicMetadata: withDestination(route.dynamicMetadata, route.destination),
  };
}

function withDestination(
  more: Readonly<Record<string, JsonObject>> | undefined,
  destination: string,
): Readonly<Record<string, JsonObject>> {
  return { ...more, [ENDPOINT_NAMESPACE]: { ...more?.[ENDPOINT_NAMESPACE], [DESTINATION_KEY]: destination } };
}
