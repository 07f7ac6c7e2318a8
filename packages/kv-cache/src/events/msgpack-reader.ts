/** The bytes are not what the format allows, or end too early. Costs the event (or the batch), never more. */
export class MsgpackError extends Error {}

/**
 * Reads MessagePack front to back without building values. Everything is checked against the end of the bytes, so that
 * a length that lies costs nothing. 64-bit integers are left as two halves: they never become doubles.
 */
export class MsgpackReader {
  at = 0;
  /** Halves of what {@link hash} has read. */
  low = 0;
  high = 0;
  #bytes: Uint8Array = new Uint8Array(0);

  open(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.at = 0;
  }

  get left(): number {
    return this.#bytes.length - this.at;
  }

  /** The next byte without reading it; -1 at the end. */
  peek(): number {
    return this.#bytes[this.at] ?? -1;
  }

  isArray(): boolean {
    const type = this.peek();
    return (type & 0xf0) === 0x90 || type === 0xdc || type === 0xdd;
  }

  isMap(): boolean {
    const type = this.peek();
    return (type & 0xf0) === 0x80 || type === 0xde || type === 0xdf;
  }

  isNil(): boolean {
    return this.peek() === 0xc0;
  }

  /** True when a nil was read. */
  takeNil(): boolean {
    if (this.peek() !== 0xc0) return false;
    this.at += 1;
    return true;
  }

  /** Length of an array; every element takes a byte at least, so more than is left is an error. */
  arrayLength(): number {
    const type = this.#byte();
    if ((type & 0xf0) === 0x90) return this.#checked(type & 15);
    if (type === 0xdc) return this.#checked(this.#u16());
    if (type === 0xdd) return this.#checked(this.#u32());
    throw new MsgpackError(`an array was expected, not the type 0x${type.toString(16)}`);
  }

  /** Number of pairs of a map. */
  mapLength(): number {
    const type = this.#byte();
    if ((type & 0xf0) === 0x80) return this.#checked(type & 15);
    if (type === 0xde) return this.#checked(this.#u16());
    if (type === 0xdf) return this.#checked(this.#u32());
    throw new MsgpackError(`a map was expected, not the type 0x${type.toString(16)}`);
  }

  /**
   * A 64-bit value into {@link low} and {@link high}: an integer as its two's complement, or the last eight of a
   * string of bytes as a big-endian number.
   */
  hash(): void {
    const type = this.#byte();
    if (type < 0x80) this.#set(0, type);
    else if (type >= 0xe0) this.#set(-1, type - 256);
    else this.#longHash(type);
  }

  #longHash(type: number): void {
    switch (type) {
      case 0xcf:
      case 0xd3: {
        const at = this.#take(8);
        this.#set(this.#word(at), this.#word(at + 4));
        return;
      }
      case 0xcc:
        this.#set(0, this.#byte());
        return;
      case 0xcd:
        this.#set(0, this.#u16());
        return;
      case 0xce:
        this.#set(0, this.#word(this.#take(4)));
        return;
      case 0xd0: {
        const value = (this.#byte() << 24) >> 24;
        this.#set(value >> 31, value);
        return;
      }
      case 0xd1: {
        const value = (this.#u16() << 16) >> 16;
        this.#set(value >> 31, value);
        return;
      }
      case 0xd2: {
        const value = this.#word(this.#take(4));
        this.#set(value >> 31, value);
        return;
      }
      case 0xc4:
        this.#lastEight(this.#byte());
        return;
      case 0xc5:
        this.#lastEight(this.#u16());
        return;
      case 0xc6:
        this.#lastEight(this.#u32());
        return;
      default:
        throw new MsgpackError(`a block hash has the type 0x${type.toString(16)}, which is neither a number nor bytes`);
    }
  }

  /** An integer from 0 to 2^32 − 1. */
  uint(): number {
    const type = this.#byte();
    if (type < 0x80) return type;
    if (type === 0xcc || type === 0xd0) return this.#notNegative(this.#byte(), type === 0xd0 ? 0x80 : 0);
    if (type === 0xcd || type === 0xd1) return this.#notNegative(this.#u16(), type === 0xd1 ? 0x8000 : 0);
    if (type === 0xce || type === 0xd2) return this.#notNegative(this.#u32(), type === 0xd2 ? 0x8000_0000 : 0);
    if (type === 0xcf || type === 0xd3) {
      const at = this.#take(8);
      if (this.#word(at) === 0) return this.#word(at + 4) >>> 0;
      throw new MsgpackError("a number is negative or above 2^32");
    }
    throw new MsgpackError(`a number was expected, not the type 0x${type.toString(16)}`);
  }

  /**
   * An array of token ids, appended to `target` from `from` on.
   * @returns how many there are; with `target` too small nothing is read and the number is negative.
   */
  tokens(target: Uint32Array, from: number): number {
    const start = this.at;
    const count = this.arrayLength();
    if (count > target.length - from) {
      this.at = start;
      return -count;
    }
    const bytes = this.#bytes;
    const end = bytes.length;
    let at = this.at;
    for (let i = from; i < from + count; i += 1) {
      const type = bytes[at]!;
      if (type < 0x80) {
        target[i] = type;
        at += 1;
      } else if (type === 0xcd && at + 3 <= end) {
        target[i] = (bytes[at + 1]! << 8) | bytes[at + 2]!;
        at += 3;
      } else if (type === 0xce && at + 5 <= end) {
        target[i] = (bytes[at + 1]! << 24) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!;
        at += 5;
      } else {
        this.at = at;
        target[i] = this.#rareToken();
        at = this.at;
      }
    }
    this.at = at;
    if (at > end) throw new MsgpackError("the bytes end within the tokens");
    return count;
  }

  /** Where a string begins; reads it. Its length is {@link stringLength}. */
  string(): number {
    const type = this.#byte();
    if ((type & 0xe0) === 0xa0) this.stringLength = type & 31;
    else if (type === 0xd9) this.stringLength = this.#byte();
    else if (type === 0xda) this.stringLength = this.#u16();
    else if (type === 0xdb) this.stringLength = this.#u32();
    else throw new MsgpackError(`a string was expected, not the type 0x${type.toString(16)}`);
    return this.#take(this.stringLength);
  }

  stringLength = 0;

  /** A string or a string of bytes. Returns where it begins, -1 when the next value is neither; then nothing is read. */
  stringOrBytes(): number {
    const type = this.peek();
    if ((type & 0xe0) === 0xa0 || (type >= 0xd9 && type <= 0xdb)) return this.string();
    if (type < 0xc4 || type > 0xc6) return -1;
    this.at += 1;
    this.stringLength = type === 0xc4 ? this.#byte() : type === 0xc5 ? this.#u16() : this.#u32();
    return this.#take(this.stringLength);
  }

  bytes(from: number, length: number): Uint8Array {
    return this.#bytes.subarray(from, from + length);
  }

  /** Whether the bytes from `from` on are those of `expected`. */
  equals(from: number, length: number, expected: Uint8Array): boolean {
    if (length !== expected.length) return false;
    const bytes = this.#bytes;
    for (let i = 0; i < length; i += 1) if (bytes[from + i] !== expected[i]) return false;
    return true;
  }

  /** Reads one value of any type and forgets it. Takes no more steps than there are bytes, and no stack. */
  skip(): void {
    for (let values = 1; values > 0; ) {
      values -= 1;
      const type = this.#byte();
      if (type < 0x80 || type >= 0xe0) continue;
      if (type < 0x90) values += this.#checked(2 * (type & 15));
      else if (type < 0xa0) values += this.#checked(type & 15);
      else if (type < 0xc0) this.#take(type & 31);
      else values += this.#skipLong(type);
    }
  }

  /** Returns how many values follow. */
  #skipLong(type: number): number {
    switch (type) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return 0;
      case 0xc4:
      case 0xd9:
        this.#take(this.#byte());
        return 0;
      case 0xc5:
      case 0xda:
        this.#take(this.#u16());
        return 0;
      case 0xc6:
      case 0xdb:
        this.#take(this.#u32());
        return 0;
      case 0xc7:
        this.#take(this.#byte() + 1);
        return 0;
      case 0xc8:
        this.#take(this.#u16() + 1);
        return 0;
      case 0xc9:
        this.#take(this.#u32() + 1);
        return 0;
      case 0xcc:
      case 0xd0:
        this.#take(1);
        return 0;
      case 0xcd:
      case 0xd1:
        this.#take(2);
        return 0;
      case 0xca:
      case 0xce:
      case 0xd2:
        this.#take(4);
        return 0;
      case 0xcb:
      case 0xcf:
      case 0xd3:
        this.#take(8);
        return 0;
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        this.#take(1 + (1 << (type - 0xd4)));
        return 0;
      case 0xdc:
        return this.#checked(this.#u16());
      case 0xdd:
        return this.#checked(this.#u32());
      case 0xde:
        return this.#checked(2 * this.#u16());
      case 0xdf:
        return this.#checked(2 * this.#u32());
      default:
        throw new MsgpackError(`there is no type 0x${type.toString(16)}`);
    }
  }

  /** Speculative decoders tell tokens as pairs [t, t + 1]: the first is meant. */
  #rareToken(): number {
    if (!this.isArray()) return this.uint();
    const count = this.arrayLength();
    if (count === 0) throw new MsgpackError("a token is an empty array");
    const token = this.uint();
    for (let i = 1; i < count; i += 1) this.skip();
    return token;
  }

  #lastEight(length: number): void {
    const from = this.#take(length);
    const bytes = this.#bytes;
    let high = 0;
    let low = 0;
    for (let at = Math.max(from, from + length - 8); at < from + length; at += 1) {
      high = (high << 8) | (low >>> 24);
      low = (low << 8) | bytes[at]!;
    }
    this.#set(high, low);
  }

  #set(high: number, low: number): void {
    this.high = high | 0;
    this.low = low | 0;
  }

  #notNegative(value: number, sign: number): number {
    if (sign === 0 || value < sign) return value;
    throw new MsgpackError("a number is negative");
  }

  #checked(count: number): number {
    if (count <= this.left) return count;
    throw new MsgpackError(`${count} values were announced where ${this.left} bytes are left`);
  }

  #byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  #u16(): number {
    const at = this.#take(2);
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  #u32(): number {
    return this.#word(this.#take(4)) >>> 0;
  }

  #word(at: number): number {
    const bytes = this.#bytes;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }

  #take(length: number): number {
    const { at } = this;
    if (length > this.#bytes.length - at) {
      throw new MsgpackError(`the bytes end ${length - (this.#bytes.length - at)} too early`);
    }
    this.at = at + length;
    return at;
  }
}
