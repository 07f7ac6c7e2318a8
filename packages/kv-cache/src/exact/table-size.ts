/** Above this share of used places, probing becomes slow. */
const MAX_LOAD = 2 / 3;

/** Length of a hash table for so many entries: a power of two. */
export function tableSizeFor(entries: number, atLeast = 64): number {
  let size = atLeast;
  while (size * MAX_LOAD < entries) size *= 2;
  return size;
}
