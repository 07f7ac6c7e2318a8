/**
 * A part of a tokenizer.json that our BPE does not cover. Not a fault of the file: whoever loads it takes another
 * implementation.
 */
export class UnsupportedTokenizer extends Error {
  constructor(part: string) {
    super(`not covered: ${part}`);
    this.name = "UnsupportedTokenizer";
  }
}
