import { NO_BYTES } from "../../codec/wire-reader.ts";
import type { StreamStatus } from "../../stream-machine.ts";
import { GRPC_STATUS } from "./grpc-status.ts";

/** A compression flag and a length of four bytes stand before each message. */
export const PREFIX_BYTES = 5;

/** A message is received into a buffer of its size, or, if it is larger than this, into one that grows. */
const FIRST_CAPACITY = 256 * 1024;
const GROWTH = 4;

/** The stream cannot go on: how it must end. */
export class GrpcFault extends Error {
  readonly status: StreamStatus;

  constructor(code: number, message: string) {
    super(message);
    this.name = "GrpcFault";
    this.status = { code, message };
  }
}

/**
 * Puts the messages of one stream together from pieces that are cut anywhere. Each byte is copied once, out of the
 * network buffer; only a message above 256 KiB is copied again as its buffer grows, because the length that a peer
 * announces must not decide how much memory it gets.
 */
export class MessageAssembler {
  readonly #maxBytes: number;
  #prefixSeen = 0;
  #length = 0;
  #message: Buffer | undefined;
  #received = 0;
  /** Where the bytes that `take` has not used begin. */
  position = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether a message was begun and is not complete. */
  get midMessage(): boolean {
    return this.#prefixSeen > 0;
  }

  /**
   * Takes bytes up to the end of the next message. To be called again from `position` on as long as it returns one.
   *
   * @returns the message, whose bytes belong to the caller; undefined if it is not complete yet
   * @throws GrpcFault for a message that is too large or compressed
   */
  take(bytes: Buffer, start: number, end: number): Uint8Array | undefined {
    let position = start;
    while (this.#prefixSeen < PREFIX_BYTES) {
      if (position === end) {
        this.position = end;
        return undefined;
      }
      const byte = bytes[position++]!;
      if (this.#prefixSeen === 0) checkFlag(byte);
      else this.#length = this.#length * 256 + byte;
      this.#prefixSeen++;
      if (this.#prefixSeen === PREFIX_BYTES && this.#length > this.#maxBytes) {
        throw new GrpcFault(
          GRPC_STATUS.RESOURCE_EXHAUSTED,
          `Received message larger than max (${this.#length} vs ${this.#maxBytes})`,
        );
      }
    }
    const piece = Math.min(this.#length - this.#received, end - position);
    if (piece > 0) this.#append(bytes, position, piece);
    this.position = position + piece;
    if (this.#received < this.#length) return undefined;
    const message = this.#message ?? NO_BYTES;
    this.#prefixSeen = 0;
    this.#length = 0;
    this.#received = 0;
    this.#message = undefined;
    return message;
  }

  #append(bytes: Buffer, position: number, piece: number): void {
    const received = this.#received + piece;
    let message = this.#message;
    if (message === undefined || message.length < received) {
      const capacity = Math.max(received, message === undefined ? FIRST_CAPACITY : message.length * GROWTH);
      const grown = Buffer.allocUnsafe(Math.min(this.#length, capacity));
      message?.copy(grown, 0, 0, this.#received);
      message = grown;
      this.#message = grown;
    }
    bytes.copy(message, this.#received, position, position + piece);
    this.#received = received;
  }
}

function checkFlag(flag: number): void {
  if (flag === 1) throw new GrpcFault(GRPC_STATUS.UNIMPLEMENTED, "compressed messages are not supported");
  if (flag !== 0) throw new GrpcFault(GRPC_STATUS.INTERNAL, `a message with the unknown flag ${flag}`);
}
