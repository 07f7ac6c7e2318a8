// AssemblyScript, compiled by `scripts/build-wasm.mjs`: XXH64 and chains of XXH64 over the blocks of a prompt.
// The host copies a piece of the prompt to INPUT, asks for its keys and reads them from KEYS. Nothing is allocated.

const P1: u64 = ((0x9e3779b1 as u64) << 32) | 0x85ebca87;
const P2: u64 = ((0xc2b2ae3d as u64) << 32) | 0x27d4eb4f;
const P3: u64 = ((0x165667b1 as u64) << 32) | 0x9e3779f9;
const P4: u64 = ((0x85ebca77 as u64) << 32) | 0xc2b2ae63;
const P5: u64 = ((0x27d4eb2f as u64) << 32) | 0x165667c5;

/** Bytes that fit at INPUT. */
export const INPUT_BYTES: u32 = 262144;
/** Keys that fit at KEYS. */
export const MAX_KEYS: u32 = 8192;

// Eight bytes in front of the input take the parent key, so that parent and block can be hashed as one run.
const HEADROOM: usize = memory.data(8 + 262144, 16);
export const INPUT: usize = HEADROOM + 8;
/** The key before the next block; set by the host for the first block, by the chain functions afterwards. */
export const PARENT: usize = memory.data(8, 16);
export const KEYS: usize = memory.data(8 * 8192, 16);

function round(lane: u64, input: u64): u64 {
  return rotl<u64>(lane + input * P2, 31) * P1;
}

function merge(hash: u64, lane: u64): u64 {
  return (hash ^ round(0, lane)) * P1 + P4;
}

function converge(a: u64, b: u64, c: u64, d: u64): u64 {
  const hash = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18);
  return merge(merge(merge(merge(hash, a), b), c), d);
}

function avalanche(hash: u64): u64 {
  hash = (hash ^ (hash >> 33)) * P2;
  hash = (hash ^ (hash >> 29)) * P3;
  return hash ^ (hash >> 32);
}

/** The last bytes (fewer than 32) and the final mix. */
function finish(hash: u64, at: usize, end: usize): u64 {
  while (at + 8 <= end) {
    hash = rotl<u64>(hash ^ round(0, load<u64>(at)), 27) * P1 + P4;
    at += 8;
  }
  if (at + 4 <= end) {
    hash = rotl<u64>(hash ^ ((load<u32>(at) as u64) * P1), 23) * P2 + P3;
    at += 4;
  }
  while (at < end) {
    hash = rotl<u64>(hash ^ ((load<u8>(at) as u64) * P5), 11) * P1;
    at += 1;
  }
  return avalanche(hash);
}

function digest(at: usize, length: usize): u64 {
  const end = at + length;
  let hash = P5;
  if (length >= 32) {
    let a = P1 + P2;
    let b = P2;
    let c: u64 = 0;
    let d: u64 = 0 - P1;
    const last = end - 32;
    do {
      a = round(a, load<u64>(at));
      b = round(b, load<u64>(at, 8));
      c = round(c, load<u64>(at, 16));
      d = round(d, load<u64>(at, 24));
      at += 32;
    } while (at <= last);
    hash = converge(a, b, c, d);
  }
  return finish(hash + (length as u64), at, end);
}

// A message longer than the input comes in pieces; all but the last are multiples of 32 bytes.
let laneA: u64 = 0;
let laneB: u64 = 0;
let laneC: u64 = 0;
let laneD: u64 = 0;

export function begin(): void {
  laneA = P1 + P2;
  laneB = P2;
  laneC = 0;
  laneD = 0 - P1;
}

/** @param length a multiple of 32. */
export function absorb(length: u32): void {
  const end = INPUT + length;
  for (let at = INPUT; at < end; at += 32) {
    laneA = round(laneA, load<u64>(at));
    laneB = round(laneB, load<u64>(at, 8));
    laneC = round(laneC, load<u64>(at, 16));
    laneD = round(laneD, load<u64>(at, 24));
  }
}

/**
 * Ends a message; the hash is the first of KEYS.
 * @param length what is left of it at INPUT: fewer than 32 bytes unless the message was never absorbed.
 * @param absorbed bytes that were absorbed; 0 = the whole message is at INPUT.
 */
export function end(length: u32, absorbed: u32): void {
  const hash =
    absorbed === 0
      ? digest(INPUT, length)
      : finish(converge(laneA, laneB, laneC, laneD) + (absorbed as u64) + (length as u64), INPUT, INPUT + length);
  store<u64>(KEYS, hash);
}

/**
 * key = XXH64(LE64(parent) ‖ block), for `count` whole blocks at INPUT. Overwrites the input.
 */
export function linkedKeys(blockBytes: u32, count: u32): void {
  let parent = load<u64>(PARENT);
  let at = HEADROOM;
  for (let i: u32 = 0; i < count; i++) {
    // The end of the block before is no longer needed.
    store<u64>(at, parent);
    parent = digest(at, blockBytes + 8);
    store<u64>(KEYS + ((i as usize) << 3), parent);
    at += blockBytes;
  }
  store<u64>(PARENT, parent);
}

/**
 * key = XXH64(LE64(XXH64(block)) ‖ LE64(parent)), for the blocks in `length` bytes at INPUT; the last one may be short.
 * @returns the number of keys.
 */
export function nestedKeys(blockBytes: u32, length: u32): u32 {
  let parent = load<u64>(PARENT);
  let count: u32 = 0;
  for (let from: u32 = 0; from < length; from += blockBytes) {
    const content = digest(INPUT + from, min<u32>(blockBytes, length - from));
    let hash = rotl<u64>((P5 + 16) ^ round(0, content), 27) * P1 + P4;
    hash = rotl<u64>(hash ^ round(0, parent), 27) * P1 + P4;
    parent = avalanche(hash);
    store<u64>(KEYS + ((count as usize) << 3), parent);
    count += 1;
  }
  store<u64>(PARENT, parent);
  return count;
}
