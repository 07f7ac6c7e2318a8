import type { IncomingMessage, ServerResponse } from "node:http";
import { type Answer, DESTINATION_KEY, type ProcessingMode } from "@pointsman/ext-proc";
import type { Counters } from "./counters.ts";
import { admitRequest, REQUEST_ID, TEST_SUBSET } from "./http/inbound-request.ts";
import { type RequestHead, type ResponseHead, requestHeaderPairs } from "./http/message-head.ts";
import { applyRequestMutation, checkContentLength, MutationFault, mutateBody } from "./http/mutations.ts";
import {
  bodyTooLargeReply,
  errorReply,
  immediateReply,
  invalidAnswerReply,
  localReply,
  type OwnReply,
  pickerFailedReply,
} from "./http/own-replies.ts";
import { type BodyCollection, collectBody, discardUpload, hasBody } from "./http/request-body.ts";
import type { Settings } from "./options.ts";
import { Conversation, type Reply } from "./picker/conversation.ts";
import type { PickerClient } from "./picker/picker-client.ts";
import { RoutingMetadata } from "./picker/routing-metadata.ts";
import { ResponseLeg } from "./response-leg.ts";
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
export class Journey {
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
      const head = this.#admit(expectsContinue);
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
  #admit(expectsContinue: boolean): RequestHead | undefined {
    const { settings } = this.#parts;
    const admission = admitRequest(this.#request, settings.maxBodyBytes);
    if (admission.kind === "refused") {
      // Whoever was not told to continue may or may not send a body: the connection cannot be used again.
      if (expectsContinue) this.#response.shouldKeepAlive = false;
      this.#give(admission.reply);
      return undefined;
    }
    const { head } = admission;
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
      this.#give(bodyTooLargeReply(settings.maxBodyBytes));
      return undefined;
    }
    const whole = body;
    return this.#carriedOut(() => checkContentLength(head.headers, whole)) ? whole : undefined;
  }

  /** The client's body. Undefined if the journey ended; a body above the limit ends it, whatever is being waited for. */
  async #upload(): Promise<Buffer | undefined> {
    const { settings } = this.#parts;
    this.#collection = collectBody(this.#request, settings.maxBodyBytes);
    const collected = await this.#collection.result;
    if (collected.kind === "too-large") this.#give(bodyTooLargeReply(settings.maxBodyBytes));
    return this.#done || collected.kind !== "complete" ? undefined : collected.body;
  }

  #takeRequestAnswer(head: RequestHead, answer: Answer): void {
    applyRequestMutation(head, answer);
    this.#metadata.receive(answer.dynamicMetadata);
    // Envoy ignores an override in the answer to a request body.
    if (answer.kind === "request_headers") this.#mode = answer.modeOverride ?? this.#mode;
  }

  // To a model server and back

  async #forward(head: RequestHead, body: Buffer): Promise<void> {
    const { candidates, counters } = this.#parts;
    const destination = this.#metadata.destination ?? head.headers.get(DESTINATION_KEY);
    const { method, path, authority } = head;
    // The HTTP client writes the length of the body that it sends, and nothing of `expect`.
    head.headers.remove("content-length");
    head.headers.remove("expect");
    const outgoing = {
      method,
      path,
      authority,
      headers: head.headers.toFlat(),
      body: body.length > 0 ? body : undefined,
    };
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
    await new ResponseLeg(answer, method, {
      response: this.#response,
      conversation: this.#conversation!,
      metadata: this.#metadata,
      mode: this.#mode,
      maxBodyBytes: this.#parts.settings.maxBodyBytes,
      over: () => this.#done,
      proceed: (reply, take) => this.#proceed(reply, take),
      give: (reply) => this.#give(reply),
      writeHead: (head) => this.#writeHead(head),
      ended: () => this.#ended(),
      broken: () => this.#broken(),
    }).run();
  }

  // Ends

  #ended(): void {
    this.#done = true;
    this.#conversation?.end();
  }

  #broken(): void {
    if (this.#done) return;
    this.#parts.counters.upstreamAborts++;
    this.#abandon();
  }

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
        this.#give(pickerFailedReply(reply.fault));
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
    if (this.#requestId !== undefined && headers.get(REQUEST_ID) === undefined)
      headers.set(REQUEST_ID, this.#requestId);
    if (this.#parts.draining()) this.#response.shouldKeepAlive = false;
    this.#response.writeHead(status, headers.toFlat());
  }
}

const RESET_TEXT = "upstream connect error or disconnect/reset before headers. reset reason: connection termination";
