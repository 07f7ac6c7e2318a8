import { BlockTable } from "../blocks/block-table.ts";
import { EndpointSets } from "../blocks/endpoint-sets.ts";
import { Holdings } from "./holdings.ts";

/** How many of everything an index has room for. */
export interface IndexSize {
  /** Pairs of a block and an endpoint; as many distinct blocks have room, so that these never run out first. */
  readonly entries: number;
  /** Length of the two hash tables. */
  readonly tableSize: number;
  /** Distinct sets of endpoints. */
  readonly sets: number;
  /** Bytes of all arrays together. */
  readonly bytes: number;
}

/** Share of the bytes that sets of endpoints may take. */
const SET_SHARE = 1 / 8;
const MAX_SETS = 1 << 16;
const MIN_SETS = 16;
const MIN_ENTRIES = 64;
/** Above this share of used places, probing becomes slow. */
const MAX_LOAD = 0.75;
/** So that there are no more blocks than slots can be numbered. */
const MAX_TABLE_SIZE = 1 << 27;

/**
 * The largest index within a number of bytes.
 * @throws RangeError when they are too few, naming the least number for so many endpoints.
 */
export function planIndexSize(maxBytes: number, maxEndpoints: number): IndexSize {
  let sets = MIN_SETS;
  while (sets < MAX_SETS && EndpointSets.bytes(2 * sets, maxEndpoints) <= maxBytes * SET_SHARE) sets *= 2;
  const fixed = EndpointSets.bytes(sets, maxEndpoints);
  let best: IndexSize | undefined;
  for (let tableSize = MIN_ENTRIES * 2; tableSize <= MAX_TABLE_SIZE; tableSize *= 2) {
    const base = bytesOf(0, tableSize, maxEndpoints) + fixed;
    const perEntry = bytesOf(1, tableSize, maxEndpoints) - bytesOf(0, tableSize, maxEndpoints);
    const entries = Math.min(Math.floor((maxBytes - base) / perEntry), Math.floor(MAX_LOAD * tableSize));
    if (entries < MIN_ENTRIES) break;
    if (best !== undefined && entries <= best.entries) break;
    best = { entries, tableSize, sets, bytes: bytesOf(entries, tableSize, maxEndpoints) + fixed };
  }
  if (best !== undefined) return best;
  const least = bytesOf(MIN_ENTRIES, MIN_ENTRIES * 2, maxEndpoints) + fixed;
  throw new RangeError(`${maxBytes} bytes are too few for an index of ${maxEndpoints} endpoints: at least ${least}`);
}

function bytesOf(entries: number, tableSize: number, maxEndpoints: number): number {
  return BlockTable.bytes(entries, tableSize) + Holdings.bytes(entries, tableSize, maxEndpoints);
}
