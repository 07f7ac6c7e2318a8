import { createHash } from "node:crypto";

/** An extra key in vLLM's hash: adapter, cache salt; or an image's identifier with its offset in the block. */
export type EngineExtraKey = string | readonly [identifier: string, offset: number];

/**
 * vLLM's start of all chains with `--prefix-caching-hash-algo sha256_cbor`: SHA-256 of the canonical CBOR of the text
 * of `PYTHONHASHSEED`.
 */
export function vllmNoneHash(pythonHashSeed: string): Buffer {
  return sha256(cborText(pythonHashSeed));
}

/**
 * vLLM's block hashes with `sha256_cbor`: SHA-256 of the canonical CBOR of [parent, tokens, extra keys or null], 32
 * bytes each, for the full blocks. Events carry them whole, or their last 8 bytes as a number.
 *
 * @param parent hash of the block before, or {@link vllmNoneHash}.
 * @param extraKeys by block; undefined or empty = none.
 */
export function vllmBlockHashes(
  tokens: Uint32Array,
  blockTokens: number,
  parent: Uint8Array,
  extraKeys: readonly (readonly EngineExtraKey[] | undefined)[] = [],
): Buffer[] {
  const hashes: Buffer[] = [];
  let before = parent;
  for (let from = 0; from + blockTokens <= tokens.length; from += blockTokens) {
    const extras = extraKeys[hashes.length] ?? [];
    const hash = sha256(
      Buffer.concat([
        cborHead(4, 3),
        cborHead(2, before.length),
        before,
        cborHead(4, blockTokens),
        ...Array.from(tokens.subarray(from, from + blockTokens), (token) => cborHead(0, token)),
        extras.length === 0 ? CBOR_NULL : Buffer.concat([cborHead(4, extras.length), ...extras.map(cborExtra)]),
      ]),
    );
    hashes.push(hash);
    before = hash;
  }
  return hashes;
}

/**
 * SGLang's page hashes: SHA-256(previous hash ‖ tokens as u32 little-endian), 32 bytes each, for the full pages. Events
 * carry the first 8 bytes as a signed number.
 * @param previous absent for the first page.
 */
export function sglangPageHashes(tokens: Uint32Array, pageTokens: number, previous?: Uint8Array): Buffer[] {
  const hashes: Buffer[] = [];
  let before = previous ?? new Uint8Array(0);
  for (let from = 0; from + pageTokens <= tokens.length; from += pageTokens) {
    const page = Buffer.alloc(4 * pageTokens);
    for (let i = 0; i < pageTokens; i += 1) page.writeUInt32LE(tokens[from + i]!, 4 * i);
    before = sha256(Buffer.concat([before, page]));
    hashes.push(before as Buffer);
  }
  return hashes;
}

const CBOR_NULL = Buffer.of(0xf6);

function cborExtra(extra: EngineExtraKey): Buffer {
  if (typeof extra === "string") return cborText(extra);
  return Buffer.concat([cborHead(4, 2), cborText(extra[0]), cborHead(0, extra[1])]);
}

function cborText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([cborHead(3, bytes.length), bytes]);
}

/** Shortest form of a head: major type and a number below 2^32. */
function cborHead(major: number, value: number): Buffer {
  const type = major << 5;
  if (value < 24) return Buffer.of(type | value);
  if (value < 0x100) return Buffer.of(type | 24, value);
  if (value < 0x1_0000) return Buffer.of(type | 25, value >>> 8, value & 255);
  const bytes = Buffer.alloc(5);
  bytes[0] = type | 26;
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
