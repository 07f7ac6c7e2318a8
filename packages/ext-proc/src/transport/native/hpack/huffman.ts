import { Http2Fault } from "../http2-fault.ts";

/**
 * The length in bits of each byte's code in RFC 7541, Appendix B, one base-36 digit per byte. The code is canonical:
 * lengths say everything, and the code of thirty ones that is left over means the end of the string.
 */
const LENGTHS =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca" +
  "d67777777777777777777777878djde6f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq";

/**
 * The code as a tree with a fan-out of 256, so that it is walked a byte at a time: node after node, 256 entries each.
 * A positive entry is a symbol and the bits of this byte that belong to it (`bits << 8 | symbol`), a negative one is
 * minus the place of the next node, zero is no code.
 */
const TREE = buildTree();

function buildTree(): Int32Array {
  const symbols = Array.from(LENGTHS, (digit, symbol) => ({ symbol, length: Number.parseInt(digit, 36) }));
  symbols.sort((a, b) => a.length - b.length || a.symbol - b.symbol);
  const entries: number[] = new Array<number>(256).fill(0);
  let code = 0;
  let codeLength = 0;
  for (const { symbol, length } of symbols) {
    code <<= length - codeLength;
    codeLength = length;
    let node = 0;
    let left = length;
    for (; left > 8; left -= 8) {
      const place = node + ((code >>> (left - 8)) & 0xff);
      if (entries[place] === 0) {
        entries[place] = -entries.length;
        for (let i = 0; i < 256; i++) entries.push(0);
      }
      node = -entries[place]!;
    }
    const first = node + ((code << (8 - left)) & 0xff);
    entries.fill((left << 8) | symbol, first, first + (1 << (8 - left)));
    code++;
  }
  return Int32Array.from(entries);
}

/** The shortest code has five bits. */
const SHORTEST_CODE = 5;
let scratch = Buffer.allocUnsafe(4096);

/**
 * Decodes a Huffman string.
 *
 * @throws Http2Fault if it holds the end symbol or is not padded with less than a byte of ones
 */
export function decodeHuffman(bytes: Buffer, start: number, end: number): string {
  const most = Math.ceil(((end - start) * 8) / SHORTEST_CODE);
  if (scratch.length < most) scratch = Buffer.allocUnsafe(most);
  let length = 0;
  let node = 0;
  let window = 0;
  let bits = 0;
  for (let i = start; i < end; i++) {
    window = ((window << 8) | bytes[i]!) & 0xffff;
    bits += 8;
    while (bits >= 8) {
      const entry = TREE[node + ((window >>> (bits - 8)) & 0xff)]!;
      if (entry > 0) {
        scratch[length++] = entry & 0xff;
        bits -= entry >>> 8;
        node = 0;
      } else if (entry < 0) {
        bits -= 8;
        node = -entry;
      } else {
        throw invalid();
      }
    }
  }
  // What is left may hold the last symbols; the rest must be padding.
  while (bits > 0) {
    const entry = TREE[node + ((window << (8 - bits)) & 0xff)]!;
    if (entry <= 0 || entry >>> 8 > bits) break;
    scratch[length++] = entry & 0xff;
    bits -= entry >>> 8;
    node = 0;
  }
  const ones = (1 << bits) - 1;
  if (node !== 0 || (window & ones) !== ones) throw invalid();
  return scratch.toString("latin1", 0, length);
}

function invalid(): Http2Fault {
  return new Http2Fault("COMPRESSION_ERROR", "a header string is no Huffman code");
}
