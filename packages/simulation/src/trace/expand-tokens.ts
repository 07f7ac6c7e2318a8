import type { TraceRequest } from "./trace.ts";

/** Size of the made-up vocabulary: that of common tokenizers. */
const VOCABULARY = 128_000;

/**
 * Token ids for the blocks of a trace: equal blocks get equal ids, and two blocks that differ differ from their first
 * token on.
 */
export function expandTokens({ blocks, inputTokens }: TraceRequest, blockTokens: number): Uint32Array {
  const tokens = new Uint32Array(inputTokens);
  for (let b = 0; b < blocks.length; b += 1) {
    const from = b * blockTokens;
    const to = Math.min(inputTokens, from + blockTokens);
    if (from >= to) break;
    const block = blocks[b]!;
    // The number itself stands in the first two tokens; the others only have to look like a prompt.
    tokens[from] = block % VOCABULARY;
    if (from + 1 < to) tokens[from + 1] = Math.floor(block / VOCABULARY);
    let state = (Math.imul(block, 0x9e3779b1) + 0x7f4a7c15) >>> 0;
    for (let i = from + 2; i < to; i += 1) {
      state = (Math.imul(state, 0x0019660d) + 0x3c6ef35f) >>> 0;
      tokens[i] = state >>> 15;
    }
  }
  return tokens;
}
