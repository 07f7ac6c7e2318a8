/** What events are made of. A `bigint` is written as 64 bits, a `Float` as a double even when it is whole. */
export type Packable =
  | null
  | number
  | bigint
  | string
  | Uint8Array
  | Float
  | readonly Packable[]
  | { readonly [name: string]: Packable };

export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** MessagePack in the shortest forms, as msgspec writes it. */
export function pack(value: Packable): Buffer {
  const parts: Buffer[] = [];
  write(value, parts);
  return Buffer.concat(parts);
}

function write(value: Packable, parts: Buffer[]): void {
  if (value === null) parts.push(Buffer.of(0xc0));
  else if (typeof value === "number") parts.push(unsigned(value));
  else if (typeof value === "bigint") parts.push(wide(value));
  else if (typeof value === "string") {
    const text = Buffer.from(value);
    parts.push(head(text.length, 0xa0, 32, [0xd9, 0xda, 0xdb]), text);
  } else if (value instanceof Uint8Array) parts.push(head(value.length, 0, 0, [0xc4, 0xc5, 0xc6]), Buffer.from(value));
  else if (value instanceof Float) {
    const bytes = Buffer.alloc(9);
    bytes[0] = 0xcb;
    bytes.writeDoubleBE(value.value, 1);
    parts.push(bytes);
  } else if (Array.isArray(value)) {
    parts.push(head(value.length, 0x90, 16, [0, 0xdc, 0xdd]));
    for (const item of value as readonly Packable[]) write(item, parts);
  } else {
    const entries = Object.entries(value as Readonly<Record<string, Packable>>);
    parts.push(head(entries.length, 0x80, 16, [0, 0xde, 0xdf]));
    for (const [name, item] of entries) {
      write(name, parts);
      write(item, parts);
    }
  }
}

/** Length of something: in the type byte when below `short`, else behind a type for 1, 2 or 4 bytes (0 = there is none). */
function head(length: number, base: number, short: number, types: readonly [number, number, number]): Buffer {
  if (length < short) return Buffer.of(base | length);
  if (length < 0x100 && types[0] !== 0) return Buffer.of(types[0], length);
  if (length < 0x1_0000) return Buffer.of(types[1], length >>> 8, length & 255);
  const bytes = Buffer.alloc(5);
  bytes[0] = types[2];
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

function unsigned(value: number): Buffer {
  return value < 0x80 ? Buffer.of(value) : head(value, 0, 0, [0xcc, 0xcd, 0xce]);
}

function wide(value: bigint): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = 0xcf;
  bytes.writeBigUInt64BE(value, 1);
  return bytes;
}
