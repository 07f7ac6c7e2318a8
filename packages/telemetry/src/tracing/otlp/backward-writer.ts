/**
 * Writes a protobuf message from its end to its beginning: the length of a nested message is then known when its header
 * is due, and nothing is measured or copied twice. Callers write fields in reverse order.
 */
export class BackwardWriter {
  #bytes: Buffer;
  #at: number;

  constructor(size = 65_536) {
    this.#bytes = Buffer.allocUnsafe(size);
    this.#at = size;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#bytes.length - this.#at;
  }

  /** What was written; begins the next message in memory of its own. */
  finish(): Uint8Array {
    const message = new Uint8Array(this.#bytes.subarray(this.#at));
    this.#at = this.#bytes.length;
    return message;
  }

  /** A field number with its wire type. */
  tag(field: number, wire: number): void {
    this.varint((field << 3) | wire);
  }

  /** Up to 2^53, not negative. */
  varint(value: number): void {
    let length = 1;
    for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) length += 1;
    this.#reserve(length);
    let at = this.#at - length;
    this.#at = at;
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#bytes[at++] = (rest % 128) | 128;
    this.#bytes[at] = rest;
  }

  /** Two's complement in ten bytes, as protobuf has it for negative numbers. */
  negativeVarint(value: number): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, BigInt(value));
    const at = this.#at - 10;
    this.#at = at;
    for (let i = 0; i < 9; i += 1, rest >>= 7n) this.#bytes[at + i] = Number(rest & 127n) | 128;
    this.#bytes[at + 9] = Number(rest);
  }

  /** Of a whole number; above 2^53 as near as a double is. */
  fixed64(value: number): void {
    this.#reserve(8);
    this.#at -= 8;
    const high = Math.floor(value / 0x1_0000_0000);
    this.#bytes.writeUInt32LE(value - high * 0x1_0000_0000, this.#at);
    this.#bytes.writeUInt32LE(high, this.#at + 4);
  }

  fixed32(value: number): void {
    this.#reserve(4);
    this.#at -= 4;
    this.#bytes.writeUInt32LE(value, this.#at);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#at -= 8;
    this.#bytes.writeDoubleLE(value, this.#at);
  }

  /** Fields that are encoded already. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#at -= bytes.length;
    this.#bytes.set(bytes, this.#at);
  }

  /** A field of raw bytes, given in hexadecimal. */
  hexField(field: number, hex: string): void {
    const length = hex.length / 2;
    this.#reserve(length);
    this.#at -= length;
    this.#bytes.write(hex, this.#at, length, "hex");
    this.varint(length);
    this.tag(field, 2);
  }

  stringField(field: number, text: string): void {
    const before = this.length;
    this.#text(text);
    this.endField(field, before);
  }

  /** Closes a nested message that began when `length` was `before`. */
  endField(field: number, before: number): void {
    this.varint(this.length - before);
    this.tag(field, 2);
  }

  #text(text: string): void {
    const { length } = text;
    this.#reserve(length);
    const at = this.#at - length;
    // Names and addresses are short and ASCII: a loop is faster than a call into the runtime.
    for (let i = 0; i < length; i += 1) {
      const code = text.charCodeAt(i);
      if (code > 127) {
        const size = Buffer.byteLength(text);
        this.#reserve(size);
        this.#at -= size;
        this.#bytes.write(text, this.#at, size, "utf8");
        return;
      }
      this.#bytes[at + i] = code;
    }
    this.#at = at;
  }

  #reserve(more: number): void {
    if (this.#at >= more) return;
    const { length } = this;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, length + more));
    this.#bytes.copy(grown, grown.length - length, this.#at);
    this.#at = grown.length - length;
    this.#bytes = grown;
  }
}
