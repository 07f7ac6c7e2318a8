/** FNV-1a over UTF-16 units: mixes the parts of a seed; not for hostile input. */
function hash(text: string, start: number): number {
  let value = start;
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/** Uniform in [0, 1): Mulberry32, seeded by the texts. The same texts give the same sequence. */
export function seededRandom(...seed: readonly string[]): () => number {
  let state = seed.reduce((value, part) => hash(`${part}\u0000`, value), 0x811c9dc5);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
