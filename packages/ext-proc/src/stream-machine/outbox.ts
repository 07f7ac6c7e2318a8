/** Messages that are encoded when there is room for them, so that a large body is not held twice. */
export type LazyMessages = Iterator<Uint8Array, void>;

/**
 * Messages on their way out, in order.
 *
 * `send` returning false means that the transport's buffer is full: nothing more is handed over until `drained()`.
 */
export class Outbox {
  readonly #send: (message: Uint8Array) => boolean;
  #queue: (Uint8Array | LazyMessages)[] = [];
  #blocked = false;
  /** An observed stream is never answered. */
  muted = false;

  constructor(send: (message: Uint8Array) => boolean) {
    this.#send = send;
  }

  /** Whether everything was handed over and the transport takes more. */
  get idle(): boolean {
    return !this.#blocked && this.#queue.length === 0;
  }

  push(messages: Uint8Array | LazyMessages): void {
    if (this.muted) return;
    this.#queue.push(messages);
    this.#flush();
  }

  /** Drops what waits and sends this last message. */
  sendLast(message: Uint8Array): void {
    this.#queue = [];
    if (!this.muted) this.#send(message);
  }

  drained(): void {
    this.#blocked = false;
    this.#flush();
  }

  #flush(): void {
    while (!this.#blocked) {
      const head = this.#queue[0];
      if (head === undefined) return;
      if (head instanceof Uint8Array) {
        this.#queue.shift();
        this.#blocked = !this.#send(head);
        continue;
      }
      const next = head.next();
      if (next.done) this.#queue.shift();
      else this.#blocked = !this.#send(next.value);
    }
  }
}
