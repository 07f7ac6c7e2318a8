/**
 * A 32-bit finaliser: each bit of the input changes about half of the bits of the result.
 * The constants are those of MurmurHash3's `fmix32`.
 */
export function mix32(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A generator of numbers in [0, 1) that repeats itself for equal seeds: a Weyl sequence through {@link mix32}. */
export function createRandom(seed: number): () => number {
  let state = mix32(seed);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    return mix32(state) / 0x1_0000_0000;
  };
}
