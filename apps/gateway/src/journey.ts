import type { IncomingMessage, ServerResponse } from "node:http";
import { type Answer, DESTINATION_KEY, type ProcessingMode } from "@pointsman/ext-proc";
import type { Counters } from "./counters.ts";
import { MAX_HEADER_FIELDS, REQUEST_ID, TEST_SUBSET, tidyRequest } from "./http/inbound-request.ts";
import { type RequestHead, type ResponseHead, readRequestHead, requestHeaderPairs, responseHeaderPairs } from "./http/message-head.ts";
import { applyRequestMutation, applyResponseMutation, checkContentLength, MutationFault, mutateBody } from "./http/mutations.ts";
import { errorReply, immediateReply, invalidAnswerReply, localReply, type OwnReply } from "./http/own-replies.ts";
import { announcesMoreThan, type BodyCollection, collectBody, discardUpload, hasBody } from "./http/request-body.ts";
import type { Settings } from "./options.ts";
import { Conversation, type Reply } from "./picker/conversation.ts";
import type { PickerClient } from "./picker/picker-client.ts";
import { RoutingMetadata } from "./picker/routing-metadata.ts";
import { relayBody, type RelayEvents } from "./relay/relay.ts";
import { ShownRelay } from "./relay/shown-relay.ts";
import { readWholeBody } from "./relay/whole-body.ts";
import type { UpstreamResponse } from "./upstream/attempt.ts";
import { bodyOfBytes } from "./upstream/body-source.ts";
import type { Candidates } from "./upstream/candidates.ts";
import { Delivery } from "./upstream/delivery.ts";
import type { UpstreamPools } from "./upstream/upstream-pools.ts";

/** What all requests of a gateway share. */
export interface JourneyParts {
  readonly settings: Settings;
  readonly picker: PickerClient;
  readonly pools: UpstreamPools;
  readonly candidates: Candidates;
  readonly counters: Counters;
  /** The gateway takes no new connections: responses end theirs. */
  draining(): boolean;
}

const NO_BODY = Buffer.alloc(0);

/** The modes of the recommended Envoy configuration. */
const RECOMMENDED_MODE: ProcessingMode = {
  requestHeaders: "SEND",
  responseHeaders: "SEND",
  requestBody: "BUFFERED",
  responseBody: "NONE",
  requestTrailers: "SKIP",
  responseTrailers: "SEND",
};

/**
 * One request from the client to a model server and back, with the picker asked at each stage.
 *
 * `#done` is the one fact that every step checks after it has waited: the client has its answer, or is gone.
 */
export class Journey implements RelayEvents {
  readonly #parts: JourneyParts;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #metadata = new RoutingMetadata();
  readonly #delivery: Delivery;
  #conversation: Conversation | undefined;
  #collection: BodyCollection | undefined;
  #answer: UpstreamResponse | undefined;
  #mode = RECOMMENDED_MODE;
  #requestId: string | undefined;
  #done = false;

  constructor(parts: JourneyParts, request: IncomingMessage, response: ServerResponse) {
    this.#parts = parts;
    this.#request = request;
    this.#response = response;
    this.#delivery = new Delivery(parts.pools, () => parts.counters.retries++);
  }

  /** @param expectsContinue the client waits for `100 Continue` before it sends its body */
  async run(expectsContinue: boolean): Promise<void> {
    const { counters, settings } = this.#parts;
    counters.requests++;
    counters.active++;
    this.#response.once("close", () => {
      counters.active--;
      this.#clientClosed();
    });
    try {
      const head = this.#readHead(expectsContinue);
      if (head === undefined) return;
      const body = await this.#askAboutRequest(head);
      if (body !== undefined) await this.#forward(head, body);
    } catch (error) {
      settings.onFault(error);
      this.#give(errorReply(500, "gateway_fault", "The gateway failed."));
    }
  }

  // The request's way to the decision

  /** Undefined if the request was refused. */
  #readHead(expectsContinue: boolean): RequestHead | undefined {
    const { settings } = this.#parts;
    const head = readRequestHead(this.#request);
    const refusal =
      head === undefined
        ? errorReply(400, "bad_request_target", "The request target is neither a path nor an absolute http URL.")
        : this.#request.rawHeaders.length / 2 > MAX_HEADER_FIELDS
          ? errorReply(431, "too_many_headers", `The request has more than ${MAX_HEADER_FIELDS} header fields.`)
          : announcesMoreThan(this.#request, settings.maxBodyBytes)
            ? this.#bodyTooLarge()
            : undefined;
    if (head === undefined || refusal !== undefined) {
      // Whoever was not told to continue may or may not send a body: the connection cannot be used again.
      if (expectsContinue) this.#response.shouldKeepAlive = false;
      this.#give(refusal!);
      return undefined;
    }
    tidyRequest(head, this.#request);
    this.#requestId = head.headers.get(REQUEST_ID);
    const subset = settings.testHeaders ? head.headers.get(TEST_SUBSET) : undefined;
    if (subset !== undefined) {
      this.#metadata.setSubset(subset);
      head.headers.remove(TEST_SUBSET);
    }
    if (expectsContinue) this.#response.writeContinue();
    return head;
  }

  /** Shows the request to the picker and lets it change it. Undefined if the journey ended. */
  async #askAboutRequest(head: RequestHead): Promise<Buffer | undefined> {
    const { picker, settings } = this.#parts;
    const bodyless = !hasBody(this.#request);
    const conversation = new Conversation({
      picker,
      messageTimeoutMs: settings.messageTimeoutMs,
      interrupted: (interruption) => void this.#proceed(interruption),
    });
    this.#conversation = conversation;
    const upload = bodyless ? Promise.resolve(NO_BODY) : this.#upload();
    const headers = requestHeaderPairs(head);
    const early = await conversation.ask({
      kind: "request_headers",
      headers,
      endOfStream: bodyless,
      ...this.#metadata.forward(),
    });
    if (!this.#proceed(early, (answer) => this.#takeRequestAnswer(head, answer))) return undefined;
    let body = await upload;
    if (body === undefined) return undefined;
    if (!bodyless && this.#mode.requestBody !== "NONE") {
      const shown = body;
      const reply = await conversation.ask({
        kind: "request_body",
        body: shown,
        endOfStream: true,
        ...this.#metadata.forward(),
      });
      const proceeds = this.#proceed(reply, (answer) => {
        this.#takeRequestAnswer(head, answer);
        body = mutateBody(shown, answer.bodyMutation);
      });
      if (!proceeds) return undefined;
    }
    if (body.length > settings.maxBodyBytes) {
      this.#give(this.#bodyTooLarge());
      return undefined;
    }
    const whole = body;
    return this.#carriedOut(() => checkContentLength(head.headers, whole)) ? whole : undefined;
  }

  /** The client's body. Undefined if the journey ended; a body above the limit ends it, whatever is being waited for. */
  async #upload(): Promise<Buffer | undefined> {
    this.#collection = collectBody(this.#request, this.#parts.settings.maxBodyBytes);
    const collected = await this.#collection.result;
    if (collected.kind === "too-large") this.#give(this.#bodyTooLarge());
    return this.#done || collected.kind !== "complete" ? undefined : collected.body;
  }

  #bodyTooLarge(): OwnReply {
    const limit = this.#parts.settings.maxBodyBytes;
    return errorReply(413, "body_too_large", `The request body is larger than ${limit} bytes.`);
  }

  #takeRequestAnswer(head: RequestHead, answer: Answer): void {
    applyRequestMutation(head, answer);
    this.#metadata.receive(answer.dynamicMetadata);
    // Envoy ignores an override in the answer to a request body.
    if (answer.kind === "request_headers") this.#takeOverride(answer);
  }

  #takeOverride({ modeOverride }: Answer): void {
    if (modeOverride !== undefined) this.#mode = modeOverride;
  }

  // To a model server and back

  async #forward(head: RequestHead, body: Buffer): Promise<void> {
    const { candidates, counters } = this.#parts;
    const destination = this.#metadata.destination ?? head.headers.get(DESTINATION_KEY);
    const { method, path, authority } = head;
    // The HTTP client writes the length of the body that it sends, and nothing of `expect`.
    head.headers.remove("content-length");
    head.headers.remove("expect");
    const outgoing = { method, path, authority, headers: head.headers.toFlat(), body: body.length > 0 ? body : undefined };
    const outcome = await this.#delivery.run(outgoing, candidates.of(destination));
    if (this.#done) return;
    switch (outcome.kind) {
      case "aborted":
        return;
      case "unsendable":
        this.#give(errorReply(500, "request_unsendable", `The request cannot be forwarded: ${outcome.error.message}.`));
        return;
      case "response":
        this.#metadata.setServed(outcome.served);
        await this.#respond(outcome.response, head.method);
        return;
      case "exhausted":
      case "reset": {
        counters.localReplies++;
        const reply = localReply(503, outcome.kind === "exhausted" ? "no healthy upstream" : RESET_TEXT);
        await this.#respond({ ...reply, body: bodyOfBytes(reply.body) }, head.method);
      }
    }
  }

  async #respond(answer: UpstreamResponse, method: string): Promise<void> {
    this.#answer = answer;
    const conversation = this.#conversation!;
    const bodyless = method === "HEAD" || hasNoBody(answer);
    if (this.#mode.responseHeaders !== "SKIP") {
      const reply = await conversation.ask({
        kind: "response_headers",
        headers: responseHeaderPairs(answer),
        endOfStream: bodyless,
        ...this.#metadata.forward(),
      });
      const proceeds = this.#proceed(reply, (mutation) => {
        applyResponseMutation(answer, mutation);
        this.#metadata.receive(mutation.dynamicMetadata);
        this.#takeOverride(mutation);
      });
      if (!proceeds) return;
    }
    const { responseBody, responseTrailers } = this.#mode;
    if (bodyless || responseBody === "NONE" || responseBody === "FULL_DUPLEX_STREAMED") {
      this.#writeHead(answer);
      // Without trailers to wait for nothing is left to tell the picker: Envoy ends the stream here.
      if (responseTrailers !== "SEND") conversation.end();
      if (bodyless) this.#endWithoutBody(answer);
      else {
        this.#response.flushHeaders();
        relayBody(answer.body, this.#response, this);
      }
    } else if (responseBody === "STREAMED") {
      answer.headers.remove("content-length");
      this.#writeHead(answer);
      this.#response.flushHeaders();
      const { body: source } = answer;
      const proceed = (reply: Reply): boolean => this.#proceed(reply);
      new ShownRelay({
        source,
        response: this.#response,
        conversation,
        metadata: this.#metadata,
        proceed,
        ended: () => this.ended(),
        broken: () => this.broken(),
      }).start();
    } else await this.#showWholeResponse(answer, conversation);
  }

  /** Response body mode BUFFERED: neither headers nor body reach the client before the picker has seen both. */
  async #showWholeResponse(answer: UpstreamResponse, conversation: Conversation): Promise<void> {
    const read = await readWholeBody(answer.body, this.#parts.settings.maxBodyBytes);
    if (this.#done) return;
    if (read.kind !== "complete") {
      this.#give(errorReply(500, "response_unreadable", "The response could not be read as a whole."));
      return;
    }
    let { body } = read;
    const reply = await conversation.ask({ kind: "response_body", body, endOfStream: true, ...this.#metadata.forward() });
    const proceeds = this.#proceed(reply, (mutation) => {
      applyResponseMutation(answer, mutation);
      body = mutateBody(body, mutation.bodyMutation);
      checkContentLength(answer.headers, body);
    });
    if (!proceeds) return;
    this.#writeHead(answer);
    this.#response.end(body);
    this.ended();
  }

  #endWithoutBody(answer: UpstreamResponse): void {
    this.#response.end();
    // Its end must still be read, for the connection to be used again.
    answer.body.start({ data() {}, ended() {}, failed() {} });
    this.ended();
  }

  ended(): void {
    this.#done = true;
    this.#conversation?.end();
  }

  broken(): void {
    if (this.#done) return;
    this.#parts.counters.upstreamAborts++;
    this.#abandon();
  }

  // Ends

  /**
   * Whether the journey goes on after what the picker said. If not, the client was answered, or cut off if its
   * response had begun.
   *
   * @param take carries an answer out; what it cannot carry out ends the journey with 500
   */
  #proceed(reply: Reply, take?: (answer: Answer) => void): boolean {
    if (this.#done) return false;
    const { counters, settings } = this.#parts;
    switch (reply.kind) {
      case "answer":
        return take === undefined || this.#carriedOut(() => take(reply.answer));
      case "closed":
        return true;
      case "immediate":
        if (!this.#response.headersSent) counters.immediateResponses++;
        this.#give(immediateReply(reply.response));
        return false;
      case "failed": {
        counters.pickerFailures++;
        if (settings.failureMode === "open") {
          counters.failedOpen++;
          return true;
        }
        const { reason, message } = reply.fault;
        const text = `The endpoint picker could not be asked: ${message}.`;
        this.#give(reason === "timeout" ? errorReply(504, "picker_timeout", text) : errorReply(500, "picker_failed", text));
        return false;
      }
    }
  }

  #carriedOut(step: () => void): boolean {
    try {
      step();
      return true;
    } catch (error) {
      if (!(error instanceof MutationFault)) throw error;
      this.#give(invalidAnswerReply(error.message));
      return false;
    }
  }

  /** Answers the client with a reply of our own and gives everything else up. */
  #give(reply: OwnReply): void {
    if (this.#done) return;
    if (this.#response.headersSent) {
      this.#abandon();
      return;
    }
    this.#release();
    this.#writeHead(reply);
    this.#response.end(this.#request.method === "HEAD" ? undefined : reply.body);
    discardUpload(this.#request);
  }

  /** Cuts the client off: its response cannot be completed. */
  #abandon(): void {
    this.#release();
    this.#response.destroy();
  }

  #clientClosed(): void {
    if (this.#done) return;
    this.#parts.counters.clientAborts++;
    this.#release();
  }

  #release(): void {
    this.#done = true;
    this.#collection?.cancel();
    this.#conversation?.abort();
    this.#delivery.abort();
    this.#answer?.body.abort();
  }

  #writeHead({ status, headers }: ResponseHead): void {
    if (this.#requestId !== undefined && headers.get(REQUEST_ID) === undefined) headers.set(REQUEST_ID, this.#requestId);
    if (this.#parts.draining()) this.#response.shouldKeepAlive = false;
    this.#response.writeHead(status, headers.toFlat());
  }
}

const RESET_TEXT = "upstream connect error or disconnect/reset before headers. reset reason: connection termination";

function hasNoBody({ status, headers }: ResponseHead): boolean {
  return status === 204 || status === 304 || headers.get("content-length") === "0";
}
