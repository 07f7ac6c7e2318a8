/** Above this share of used places, probing becomes slow. */
const MAX_LOAD = 0.8;

/** Length of a hash table for so many entries: a power of two. */
export function tableSizeFor(entries: number, atLeast = 64): number {
  let size = atLeast;
  while (size * MAX_LOAD < entries) size *= 2;
  return size;
}

/** The next larger capacity. What is small is doubled; later a smaller step wastes less than its copying costs. */
export function grownCapacity(capacity: number): number {
  if (capacity < 1 << 18) return 2 * capacity;
  return Math.ceil(capacity * (capacity < 1 << 19 ? 5 / 4 : 17 / 16));
}
