import { asBuffer, FIXED64, LENGTH_DELIMITED, VARINT } from "./wire-reader.ts";

const SHORT_STRING = 64;

/**
 * Writes protobuf from the last byte to the first.
 *
 * The length of a nested message stands before its bytes. Written backwards it is known when it is needed: one pass,
 * one buffer, no size computation. The price is that calls come in reverse: last field first, and a nested message
 * is closed by `message(field, mark)` after its content, `mark` being `length` before its content was written.
 */
export class WireWriter {
  #bytes: Buffer;
  #position: number;

  /** @param capacity expected size in bytes; a good guess saves growing */
  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(capacity);
    this.#position = capacity;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#bytes.length - this.#position;
  }

  /** The message. The writer must not be used afterwards: the bytes are a view of its buffer. */
  finish(): Uint8Array {
    return this.#bytes.subarray(this.#position);
  }

  /** Closes the nested message that holds everything written since `length` was `mark`. */
  message(field: number, mark: number): void {
    this.#prefix(field, this.length - mark);
  }

  bytes(field: number, value: Uint8Array): void {
    const length = value.length;
    this.#reserve(length);
    this.#position -= length;
    asBuffer(value).copy(this.#bytes, this.#position);
    this.#prefix(field, length);
  }

  string(field: number, text: string): void {
    if (text.length > SHORT_STRING || !this.#shortAscii(text)) {
      const length = Buffer.byteLength(text);
      this.#reserve(length);
      this.#position -= length;
      this.#bytes.write(text, this.#position, length, "utf8");
      this.#prefix(field, length);
      return;
    }
    this.#prefix(field, text.length);
  }

  /** Writes a non-negative integer below 2^53. */
  varint(field: number, value: number): void {
    this.#reserve(16);
    this.#varint(value);
    this.#varint((field << 3) | VARINT);
  }

  bool(field: number, value: boolean): void {
    this.varint(field, value ? 1 : 0);
  }

  double(field: number, value: number): void {
    this.#reserve(16);
    this.#position -= 8;
    this.#bytes.writeDoubleLE(value, this.#position);
    this.#varint((field << 3) | FIXED64);
  }

  #prefix(field: number, length: number): void {
    this.#reserve(16);
    this.#varint(length);
    this.#varint((field << 3) | LENGTH_DELIMITED);
  }

  /** Writes an ASCII string by hand, which beats a native call for header names; false if it is not ASCII. */
  #shortAscii(text: string): boolean {
    const length = text.length;
    this.#reserve(length);
    const start = this.#position - length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      this.#bytes[start + i] = code;
    }
    this.#position = start;
    return true;
  }

  #varint(value: number): void {
    let size = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
    let position = this.#position - size;
    this.#position = position;
    let rest = value;
    while (rest >= 128) {
      this.#bytes[position++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[position] = rest;
  }

  #reserve(size: number): void {
    if (this.#position >= size) return;
    const used = this.length;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, used + size + 64));
    const position = grown.length - used;
    this.#bytes.copy(grown, position, this.#position);
    this.#bytes = grown;
    this.#position = position;
  }
}
