import type {
  Answer,
  ExtProcStatus,
  ExtProcStream,
  ImmediateResponse,
  MessageKind,
  ProcessingRequestInput,
  ProcessingResponse,
} from "@pointsman/ext-proc";
import type { PickerClient } from "./picker-client.ts";

/** What became of one message to the picker. */
export type Reply =
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "immediate"; readonly response: ImmediateResponse }
  /** The conversation is over without an error: the request goes on without the picker. */
  | { readonly kind: "closed" }
  | { readonly kind: "failed"; readonly fault: PickerFault };

export type Interruption = Extract<Reply, { kind: "immediate" | "failed" }>;

/** Why the picker cannot be asked. */
export interface PickerFault {
  readonly reason: "timeout" | "error" | "spurious";
  readonly message: string;
}

export interface ConversationOptions {
  readonly picker: PickerClient;
  /** How long an answer may take, in milliseconds; the clock runs only while one is awaited. */
  readonly messageTimeoutMs: number;
  /** The picker spoke, or was lost, while nothing was asked. At most once, and nothing follows it. */
  interrupted(interruption: Interruption): void;
}

interface Awaited {
  readonly kind: MessageKind;
  settle(reply: Reply): void;
}

/** How long the picker may take to end a stream that was half-closed. */
const CLOSE_GRACE_MS = 5_000;
const OK = 0;

/**
 * One request's conversation with the picker: one ext_proc stream, from the request headers to the response's end, in
 * the modes of the recommended Envoy configuration.
 *
 * Messages may be sent before earlier ones were answered; answers come in the order of the messages. An answer of
 * another kind than the one that is due fails the conversation, as in Envoy.
 */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #stream: ExtProcStream;
  readonly #awaited: Awaited[] = [];
  #first = true;
  #over = false;
  #streamEnded = false;
  #answerTimer: NodeJS.Timeout | undefined;
  #closeTimer: NodeJS.Timeout | undefined;

  /** Opens the stream. */
  constructor(options: ConversationOptions) {
    this.#options = options;
    this.#stream = options.picker.open({
      onResponse: (response) => this.#received(response),
      onEnd: (status) => this.#ended(status),
    });
  }

  /** Sends a message and waits for its answer. Never rejects; after the end every message is answered `closed`. */
  ask(message: ProcessingRequestInput): Promise<Reply> {
    if (this.#over) return Promise.resolve({ kind: "closed" });
    return new Promise((settle) => {
      this.#awaited.push({ kind: message.kind, settle });
      if (this.#awaited.length === 1) this.#awaitAnswer();
      this.#stream.send(this.#first ? { ...message, protocolConfig: PROTOCOL_CONFIG } : message);
      this.#first = false;
    });
  }

  /** The HTTP exchange is complete: half-closes, and resets the stream if the picker does not end it. */
  end(): void {
    if (this.#over) return;
    this.#finish({ kind: "closed" });
    this.#halfClose();
  }

  /** The HTTP exchange was abandoned: resets the stream, so that a picker that is still deciding learns it at once. */
  abort(): void {
    if (this.#over) return;
    this.#finish({ kind: "closed" });
    this.#stream.cancel();
  }

  #received(response: ProcessingResponse): void {
    if (this.#over) return;
    if (response.kind === "immediate_response") {
      this.#finish({ kind: "immediate", response });
      this.#halfClose();
      return;
    }
    if (this.#awaited[0]?.kind !== response.kind) {
      const due = this.#awaited[0]?.kind ?? "nothing";
      this.#fail({ reason: "spurious", message: `it answered ${response.kind} when ${due} was due` });
      return;
    }
    const { settle } = this.#awaited.shift()!;
    this.#awaitAnswer();
    settle({ kind: "answer", answer: response });
  }

  #ended({ code, message }: ExtProcStatus): void {
    this.#streamEnded = true;
    clearTimeout(this.#closeTimer);
    if (this.#over) return;
    if (code === OK) this.#finish({ kind: "closed" });
    else this.#finish({ kind: "failed", fault: { reason: "error", message: `gRPC status ${code}: ${message}` } });
  }

  #fail(fault: PickerFault): void {
    this.#finish({ kind: "failed", fault });
    this.#stream.cancel();
  }

  /** Tells whoever waits longest what happened; the messages behind it will never be answered. */
  #finish(reply: Exclude<Reply, { kind: "answer" }>): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#answerTimer);
    const [first, ...others] = this.#awaited.splice(0);
    if (first !== undefined) first.settle(reply);
    else if (reply.kind !== "closed") this.#options.interrupted(reply);
    for (const { settle } of others) settle({ kind: "closed" });
  }

  #halfClose(): void {
    if (this.#streamEnded) return;
    this.#stream.halfClose();
    this.#closeTimer = setTimeout(() => this.#stream.cancel(), CLOSE_GRACE_MS);
    this.#closeTimer.unref();
  }

  #awaitAnswer(): void {
    clearTimeout(this.#answerTimer);
    if (this.#awaited.length === 0) return;
    const { messageTimeoutMs } = this.#options;
    this.#answerTimer = setTimeout(
      () => this.#fail({ reason: "timeout", message: `no answer within ${messageTimeoutMs} ms` }),
      messageTimeoutMs,
    );
  }
}

const PROTOCOL_CONFIG = { requestBody: "BUFFERED", responseBody: "NONE", sendBodyWithoutWaiting: false } as const;
