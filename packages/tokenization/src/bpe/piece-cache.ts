/** Longer pieces are rare and seldom come back. */
const MAX_PIECE_LENGTH = 64;
/** V8 copies substrings below this length; longer ones keep the whole prompt alive that they were cut from. */
const COPIED_SUBSTRING_LENGTH = 13;

/** Tokens of one piece: the id where it is a single one. */
export type PieceTokens = number | Uint32Array;

/**
 * Tokens of pieces that were seen lately. Two generations: when the young one is full it becomes the old one, whose
 * contents come back when they are used again; so a flood of new pieces costs at most one generation.
 */
export class PieceCache {
  readonly #generation: number;
  #young = new Map<string, PieceTokens>();
  #old = new Map<string, PieceTokens>();

  /** @param capacity pieces kept at most, over both generations */
  constructor(capacity: number) {
    this.#generation = Math.max(1, capacity >>> 1);
  }

  get(piece: string): PieceTokens | undefined {
    const tokens = this.#young.get(piece);
    if (tokens !== undefined) return tokens;
    const older = this.#old.get(piece);
    if (older !== undefined) this.set(piece, older);
    return older;
  }

  set(piece: string, tokens: PieceTokens): void {
    if (piece.length > MAX_PIECE_LENGTH) return;
    if (this.#young.size >= this.#generation) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(piece.length < COPIED_SUBSTRING_LENGTH ? piece : ownCopy(piece), tokens);
  }
}

/** The same text in memory of its own. */
export function ownCopy(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
}
