/** Bytes of text that stand for one token. */
export const BYTES_PER_TOKEN = 4;

/** Copied at a time where the event loop must get its turn: about half a millisecond. */
const SLICE_BYTES = 1024 * 1024;

/** Number of estimated tokens of a prompt of that many bytes. */
export function estimatedTokenCount(byteLength: number): number {
  return Math.ceil(byteLength / BYTES_PER_TOKEN);
}

/**
 * llm-d's estimate of a tokenization: every 4 bytes of the prompt are one number, little-endian, the last one padded
 * with zeros. Equal beginnings of prompts give equal beginnings of the result, which is all that prefix affinity needs;
 * the count is right within a factor of about two for English text.
 *
 * @param parts bytes of the prompt in order, read as one sequence; not changed, not kept.
 * @returns a new array.
 */
export function estimateTokens(parts: readonly Uint8Array[]): Uint32Array {
  const { tokens, bytes } = allocate(parts);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  bytes.fill(0, offset);
  return tokens;
}

/**
 * The same for prompts of megabytes, without holding up the event loop: other work gets its turn after each mebibyte.
 * Rejects with the signal's reason when it aborts.
 */
export async function estimateTokensInTurns(parts: readonly Uint8Array[], signal: AbortSignal): Promise<Uint32Array> {
  const { tokens, bytes } = allocate(parts);
  let offset = 0;
  let turn = SLICE_BYTES;
  for (const part of parts) {
    for (let from = 0; from < part.length; ) {
      if (turn === 0) {
        await new Promise<void>((resolve) => setImmediate(resolve));
        signal.throwIfAborted();
        turn = SLICE_BYTES;
      }
      const piece = part.subarray(from, from + turn);
      bytes.set(piece, offset);
      offset += piece.length;
      from += piece.length;
      turn -= piece.length;
    }
  }
  bytes.fill(0, offset);
  return tokens;
}

function allocate(parts: readonly Uint8Array[]): { readonly tokens: Uint32Array; readonly bytes: Uint8Array } {
  let byteLength = 0;
  for (const part of parts) byteLength += part.length;
  const count = estimatedTokenCount(byteLength);
  // Memory of its own, neither zeroed (all of it is written) nor part of the pool that small buffers share.
  const { buffer } = Buffer.allocUnsafeSlow(BYTES_PER_TOKEN * count);
  return { tokens: new Uint32Array(buffer), bytes: new Uint8Array(buffer) };
}
