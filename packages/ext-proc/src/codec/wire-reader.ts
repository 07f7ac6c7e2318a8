import { CodecFault } from "./codec-fault.ts";

/** Wire types of protobuf that still exist; groups (3 and 4) are refused. */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
export const FIXED32 = 5;

const MAX_VARINT_BYTES = 10;

export const NO_BYTES: Uint8Array = Buffer.alloc(0);

/** A view of the same memory with Buffer's faster string and copy methods. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * A cursor over the protobuf wire format. Nothing is copied: byte fields are views of the input.
 *
 * Nested messages are read in place: `enter()` narrows the cursor to the nested message, `leave()` widens it again.
 */
export class WireReader {
  readonly #bytes: Buffer;
  #position: number;
  #end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = asBuffer(bytes);
    this.#position = 0;
    this.#end = bytes.length;
  }

  /** Whether the current message has no bytes left. */
  get done(): boolean {
    return this.#position >= this.#end;
  }

  /** Reads a field's tag: `fieldNumber << 3 | wireType`. */
  tag(): number {
    const start = this.#position;
    const tag = this.varint();
    if (tag < 8 || tag > 0xffff_ffff) throw new CodecFault("invalid-tag", start, "a field has no valid number");
    return tag;
  }

  /** Reads an unsigned varint; exact up to 2^53, which covers every length and flag of the protocol. */
  varint(): number {
    const position = this.#position;
    if (position < this.#end) {
      const byte = this.#bytes[position]!;
      if (byte < 0x80) {
        this.#position = position + 1;
        return byte;
      }
    }
    return this.#longVarint();
  }

  /** Reads an int32 or an enum: the low 32 bits of a varint, signed. */
  int32(): number {
    let value = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = this.#byte();
      if (i < 5) value |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return value;
    }
    throw new CodecFault("varint-too-long", this.#position, "a number is longer than ten bytes");
  }

  bool(): boolean {
    return this.varint() !== 0;
  }

  /** Reads a double (wire type 1). */
  double(): number {
    const start = this.#advance(8);
    return this.#bytes.readDoubleLE(start);
  }

  /** Reads a length-delimited field as a view of the input. */
  bytes(): Uint8Array {
    const length = this.varint();
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Reads a string as UTF-8; malformed sequences become U+FFFD. */
  string(): string {
    const length = this.varint();
    const start = this.#advance(length);
    return this.#bytes.toString("utf8", start, start + length);
  }

  /** Narrows the cursor to a nested message. Returns what `leave` needs. */
  enter(): number {
    const length = this.varint();
    if (length > this.#end - this.#position) this.#truncated();
    const outerEnd = this.#end;
    this.#end = this.#position + length;
    return outerEnd;
  }

  /** Widens the cursor again after the nested message was read to its end. */
  leave(outerEnd: number): void {
    this.#position = this.#end;
    this.#end = outerEnd;
  }

  /** Steps over the value of an unknown field. */
  skip(tag: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint();
        return;
      case LENGTH_DELIMITED:
        this.#advance(this.varint());
        return;
      case FIXED64:
        this.#advance(8);
        return;
      case FIXED32:
        this.#advance(4);
        return;
      default:
        throw this.wrongWireType(tag);
    }
  }

  /** Steps over an unknown field, and refuses a known one that got here because its wire type was wrong. */
  skipUnknown(tag: number, knownFields: number): void {
    const field = tag >>> 3;
    if (field < 32 && (knownFields >>> field) & 1) throw this.wrongWireType(tag);
    this.skip(tag);
  }

  wrongWireType(tag: number): CodecFault {
    return new CodecFault("wrong-wire-type", this.#position, `field ${tag >>> 3} has wire type ${tag & 7}`);
  }

  #longVarint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new CodecFault("varint-too-long", this.#position, "a number is longer than ten bytes");
  }

  #byte(): number {
    if (this.#position >= this.#end) this.#truncated();
    return this.#bytes[this.#position++]!;
  }

  /** Consumes `length` bytes and returns where they start. */
  #advance(length: number): number {
    const start = this.#position;
    if (length > this.#end - start) this.#truncated();
    this.#position = start + length;
    return start;
  }

  #truncated(): never {
    throw new CodecFault("truncated", this.#position, "the message ends in the middle of a field");
  }
}

/** The set of known field numbers (below 32) as the bit mask that `skipUnknown` takes. */
export function fields(...numbers: number[]): number {
  return numbers.reduce((mask, number) => mask | (1 << number), 0);
}
