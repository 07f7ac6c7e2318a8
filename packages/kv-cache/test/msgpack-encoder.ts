/** MessagePack of plain values in the shortest forms; bigint = 64 bits. For tests: it shares no code with the decoder. */
export function pack(value: unknown): Buffer {
  if (value === null) return Buffer.of(0xc0);
  if (typeof value === "bigint") {
    const bytes = Buffer.alloc(9);
    bytes[0] = value < 0n ? 0xd3 : 0xcf;
    if (value < 0n) bytes.writeBigInt64BE(value, 1);
    else bytes.writeBigUInt64BE(value, 1);
    return bytes;
  }
  if (typeof value === "number") {
    if (!Number.isInteger(value)) {
      const bytes = Buffer.alloc(9);
      bytes[0] = 0xcb;
      bytes.writeDoubleBE(value, 1);
      return bytes;
    }
    if (value < 0x80) return Buffer.of(value);
    if (value < 0x100) return Buffer.of(0xcc, value);
    if (value < 0x10000) return Buffer.of(0xcd, value >> 8, value & 255);
    const bytes = Buffer.alloc(5);
    bytes[0] = 0xce;
    bytes.writeUInt32BE(value, 1);
    return bytes;
  }
  if (typeof value === "string") {
    const text = Buffer.from(value);
    return Buffer.concat([text.length < 32 ? Buffer.of(0xa0 | text.length) : Buffer.of(0xd9, text.length), text]);
  }
  if (value instanceof Uint8Array) return Buffer.concat([Buffer.of(0xc4, value.length), value]);
  if (Array.isArray(value)) {
    const head =
      value.length < 16 ? Buffer.of(0x90 | value.length) : Buffer.of(0xdc, value.length >> 8, value.length & 255);
    return Buffer.concat([head, ...value.map(pack)]);
  }
  const entries = Object.entries(value as object);
  return Buffer.concat([Buffer.of(0x80 | entries.length), ...entries.flatMap(([key, one]) => [pack(key), pack(one)])]);
}
