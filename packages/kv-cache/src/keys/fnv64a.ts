/** FNV-1a, 64 bits, over bytes that are fed one by one; pure 32-bit arithmetic, no BigInt. */
export class Fnv64a {
  /** Low and high half of the hash so far, as 32-bit patterns. */
  low = OFFSET_LOW;
  high = OFFSET_HIGH;

  reset(): void {
    this.low = OFFSET_LOW;
    this.high = OFFSET_HIGH;
  }

  byte(value: number): void {
    const low = (this.low ^ value) >>> 0;
    // The prime is 2^40 + 435: the first part shifts the low half into the high one by 8 bits.
    const product = low * PRIME_LOW;
    this.high = (Math.imul(this.high, PRIME_LOW) + ((product / TWO_32) | 0) + (low << 8)) | 0;
    this.low = product | 0;
  }

  bytes(values: Uint8Array): void {
    for (let i = 0; i < values.length; i += 1) this.byte(values[i]!);
  }

  /** Four bytes, the highest first. */
  word(value: number): void {
    this.byte(value >>> 24);
    this.byte((value >>> 16) & 0xff);
    this.byte((value >>> 8) & 0xff);
    this.byte(value & 0xff);
  }
}

const OFFSET_LOW = 0x84222325 | 0;
const OFFSET_HIGH = 0xcbf29ce4 | 0;
const PRIME_LOW = 435;
const TWO_32 = 4_294_967_296;
