import { pseudoRandom } from "./test-request.ts";

/** A sequence for each combination of texts; the same texts give the same sequence (FNV-1a over UTF-16 units). */
export function seededRandom(...seed: readonly string[]): () => number {
  let value = 0x811c9dc5;
  for (const part of seed) {
    for (const character of `${part}\u0000`) value = Math.imul(value ^ character.charCodeAt(0), 0x01000193) >>> 0;
  }
  return pseudoRandom(value);
}
