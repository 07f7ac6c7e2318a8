import type { ServerResponse } from "node:http";
import type { Answer, ProcessingMode } from "@pointsman/ext-proc";
import { type ResponseHead, responseHeaderPairs } from "./http/message-head.ts";
import { applyResponseMutation, checkContentLength, mutateBody } from "./http/mutations.ts";
import { errorReply, type OwnReply } from "./http/own-replies.ts";
import type { Conversation, Reply } from "./picker/conversation.ts";
import type { RoutingMetadata } from "./picker/routing-metadata.ts";
import { type RelayEvents, relayBody } from "./relay/relay.ts";
import { ShownRelay } from "./relay/shown-relay.ts";
import { readWholeBody } from "./relay/whole-body.ts";
import type { UpstreamResponse } from "./upstream/attempt.ts";

export interface ResponseLegOptions extends RelayEvents {
  /** Where the client's response is written. */
  readonly response: ServerResponse;
  readonly conversation: Conversation;
  readonly metadata: RoutingMetadata;
  /** The modes in force when the response arrived; an answer to its headers may change them. */
  readonly mode: ProcessingMode;
  /** Largest body that is shown to the picker as a whole. */
  readonly maxBodyBytes: number;
  /** The client has its answer, or is gone. */
  over(): boolean;
  /** Whether the request goes on after this reply, and what it asks for could be carried out. */
  proceed(reply: Reply, take?: (answer: Answer) => void): boolean;
  give(reply: OwnReply): void;
  writeHead(head: ResponseHead): void;
}

/** A response's way from a model server, or from the gateway itself, past the picker to the client. */
export class ResponseLeg {
  readonly #options: ResponseLegOptions;
  readonly #answer: UpstreamResponse;
  readonly #bodyless: boolean;
  #mode: ProcessingMode;

  /** @param method the request's: HEAD has no body in its response */
  constructor(answer: UpstreamResponse, method: string, options: ResponseLegOptions) {
    this.#options = options;
    this.#answer = answer;
    this.#bodyless = method === "HEAD" || hasNoBody(answer);
    this.#mode = options.mode;
  }

  /** Settles when the head was written and the body is on its way, or the journey ended otherwise. */
  async run(): Promise<void> {
    if (this.#mode.responseHeaders !== "SKIP" && !(await this.#showHead())) return;
    const { responseBody } = this.#mode;
    if (this.#bodyless || responseBody === "NONE" || responseBody === "FULL_DUPLEX_STREAMED") this.#pass();
    else if (responseBody === "STREAMED") this.#showChunks();
    else await this.#showWhole();
  }

  async #showHead(): Promise<boolean> {
    const { conversation, metadata, proceed } = this.#options;
    const answer = this.#answer;
    const length = answer.headers.get("content-length");
    const reply = await conversation.ask({
      kind: "response_headers",
      headers: responseHeaderPairs(answer),
      endOfStream: this.#bodyless,
      ...metadata.forward(),
    });
    return proceed(reply, (mutation) => {
      applyResponseMutation(answer, mutation);
      metadata.receive(mutation.dynamicMetadata);
      this.#mode = mutation.modeOverride ?? this.#mode;
      restoreLength(answer, length);
    });
  }

  /** Response body mode NONE. */
  #pass(): void {
    const { response, conversation, writeHead } = this.#options;
    writeHead(this.#answer);
    // Without trailers to wait for nothing is left to tell the picker: Envoy ends the stream here.
    if (this.#mode.responseTrailers !== "SEND") conversation.end();
    if (this.#bodyless) {
      response.end();
      // Its end must still be read, for the connection to be used again.
      this.#answer.body.start({ data() {}, ended() {}, failed() {} });
      this.#options.ended();
    } else {
      response.flushHeaders();
      relayBody(this.#answer.body, response, this.#options);
    }
  }

  /** Response body mode STREAMED. */
  #showChunks(): void {
    const { response, writeHead } = this.#options;
    this.#answer.headers.remove("content-length");
    writeHead(this.#answer);
    response.flushHeaders();
    new ShownRelay(this.#answer.body, this.#options).start();
  }

  /** Response body mode BUFFERED: neither head nor body reach the client before the picker has seen both. */
  async #showWhole(): Promise<void> {
    const { response, conversation, metadata, maxBodyBytes, proceed } = this.#options;
    const answer = this.#answer;
    const read = await readWholeBody(answer.body, maxBodyBytes);
    if (this.#options.over()) return;
    if (read.kind !== "complete") {
      this.#options.give(errorReply(500, "response_unreadable", "The response could not be read as a whole."));
      return;
    }
    let { body } = read;
    const reply = await conversation.ask({ kind: "response_body", body, endOfStream: true, ...metadata.forward() });
    const proceeds = proceed(reply, (mutation) => {
      applyResponseMutation(answer, mutation);
      body = mutateBody(body, mutation.bodyMutation);
      checkContentLength(answer.headers, body);
    });
    if (!proceeds) return;
    this.#options.writeHead(answer);
    response.end(body);
    this.#options.ended();
  }
}

/** A length that is not the body's would let the client take its end for the next response. */
function restoreLength({ headers }: ResponseHead, length: string | undefined): void {
  const told = headers.get("content-length");
  if (told === undefined || told === length) return;
  if (length === undefined) headers.remove("content-length");
  else headers.set("content-length", length);
}

function hasNoBody({ status, headers }: ResponseHead): boolean {
  return status === 204 || status === 304 || headers.get("content-length") === "0";
}
