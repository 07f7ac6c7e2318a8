import type { IncomingMessage } from "node:http";
import { rawValue } from "../http/headers.ts";

/** Uploads up to this size can be sent again. */
const REMEMBERED = 65_536;

/** Remembers the beginning of an upload while it passes, so that a small one can be sent a second time. */
export class ReplayableUpload {
  readonly #message: IncomingMessage;
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(message: IncomingMessage) {
    this.#message = message;
    if (Number(rawValue(message.rawHeaders, "content-length") ?? 0) <= REMEMBERED) message.on("data", this.#onData);
    else this.#size = Number.POSITIVE_INFINITY;
  }

  /** The whole upload, read to its end; undefined when it is too large or broke off. */
  async whole(): Promise<Buffer | undefined> {
    const message = this.#message;
    // Whoever passed it on has failed, and has left it paused.
    if (!message.readableEnded && this.#size <= REMEMBERED) {
      const ended = new Promise((resolve) => message.once("end", resolve).once("close", resolve));
      message.resume();
      await ended;
    }
    return message.complete && this.#size <= REMEMBERED ? Buffer.concat(this.#chunks) : undefined;
  }

  /** It will not be needed again. */
  forget(): void {
    this.#message.off("data", this.#onData);
    this.#chunks = [];
    this.#size = Number.POSITIVE_INFINITY;
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#size += chunk.length;
    if (this.#size > REMEMBERED) this.forget();
    else this.#chunks.push(chunk);
  };
}
