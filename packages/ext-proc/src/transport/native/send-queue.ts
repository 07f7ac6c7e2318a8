import { type FrameWriter, writePrefix } from "./frame-writer.ts";
import { PREFIX_BYTES } from "./grpc-framing.ts";

/** Bytes of one stream that wait for flow control. */
export class SendQueue {
  readonly #pieces: Uint8Array[] = [];
  /** How much of the first piece is gone. */
  #offset = 0;
  length = 0;

  pushMessage(message: Uint8Array): void {
    const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
    writePrefix(prefix, 0, message.length);
    this.pushBytes(prefix);
    if (message.length > 0) this.pushBytes(message);
  }

  pushBytes(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.length += bytes.length;
  }

  /** Moves the next `count` bytes into the frame that was begun. */
  moveTo(writer: FrameWriter, count: number): void {
    this.length -= count;
    let left = count;
    while (left > 0) {
      const piece = this.#pieces[0]!;
      const end = Math.min(piece.length, this.#offset + left);
      writer.content(piece, this.#offset, end);
      left -= end - this.#offset;
      this.#offset = end;
      if (end === piece.length) {
        this.#pieces.shift();
        this.#offset = 0;
      }
    }
  }
}
