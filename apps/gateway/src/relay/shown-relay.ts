import type { ServerResponse } from "node:http";
import { mutateBody } from "../http/mutations.ts";
import type { Conversation, Reply } from "../picker/conversation.ts";
import type { RoutingMetadata } from "../picker/routing-metadata.ts";
import type { BodySink, BodySource } from "../upstream/body-source.ts";
import type { RelayEvents } from "./relay.ts";

/** Bytes that may wait for the picker's answers before the model server is asked to pause. */
const MAX_HELD_BYTES = 256 * 1024;
const NOTHING = Buffer.alloc(0);

export interface ShownRelayOptions extends RelayEvents {
  readonly response: ServerResponse;
  readonly conversation: Conversation;
  readonly metadata: RoutingMetadata;
  /** Whether the request goes on after this reply; if not, the client was told already. */
  proceed(reply: Reply): boolean;
}

/**
 * Response body mode STREAMED: every chunk goes to the picker, without waiting for the answer to the one before, and
 * the client gets what was answered, in order. A last, empty chunk tells the picker the end.
 */
export class ShownRelay implements BodySink {
  readonly #source: BodySource;
  readonly #options: ShownRelayOptions;
  #heldBytes = 0;
  #stopped = false;

  constructor(source: BodySource, options: ShownRelayOptions) {
    this.#source = source;
    this.#options = options;
  }

  start(): void {
    this.#options.response.on("drain", () => this.#regulate());
    this.#source.start(this);
  }

  data(chunk: Buffer): void {
    this.#show(chunk, false);
  }

  ended(): void {
    this.#show(NOTHING, true);
  }

  failed(): void {
    this.#stopped = true;
    this.#options.broken();
  }

  #show(chunk: Buffer, endOfStream: boolean): void {
    const { conversation, metadata } = this.#options;
    this.#heldBytes += chunk.length;
    this.#regulate();
    // Answers settle in the order of the questions, and so do these continuations.
    void conversation
      .ask({ kind: "response_body", body: chunk, endOfStream, ...metadata.forward() })
      .then((reply) => this.#answered(chunk, endOfStream, reply));
  }

  #answered(chunk: Buffer, end: boolean, reply: Reply): void {
    this.#heldBytes -= chunk.length;
    if (this.#stopped) return;
    const passed = this.#take(chunk, reply);
    if (passed === undefined) {
      this.#stopped = true;
      return;
    }
    const { response } = this.#options;
    if (passed.length > 0) response.write(passed);
    if (end) {
      response.end();
      this.#options.ended();
    } else this.#regulate();
  }

  /** What the client gets of a chunk; undefined if the response is over. */
  #take(chunk: Buffer, reply: Reply): Buffer | undefined {
    const { proceed } = this.#options;
    if (!proceed(reply)) return undefined;
    if (reply.kind !== "answer") return chunk;
    try {
      return mutateBody(chunk, reply.answer.bodyMutation);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return proceed({ kind: "failed", fault: { reason: "spurious", message } }) ? chunk : undefined;
    }
  }

  #regulate(): void {
    const { response } = this.#options;
    if (this.#heldBytes > MAX_HELD_BYTES || response.writableNeedDrain) this.#source.pause();
    else this.#source.resume();
  }
}
