import type { BlockKeys } from "./block-keys.ts";

/** The keys as unsigned decimal numbers, which is how they are written in Redis. */
export function decimalKeys(keys: BlockKeys): string[] {
  const texts = new Array<string>(keys.length >>> 1);
  for (let i = 0; i < texts.length; i += 1) texts[i] = decimalKey(keys[2 * i]!, keys[2 * i + 1]!);
  return texts;
}

/** 2^32 in units of 10^9: hi × 2^32 + lo is split at 10^9 without BigInt. */
const BILLION = 1_000_000_000;

function decimalKey(low: number, high: number): string {
  // hi × 2^32 = hi × (4 × 10^9 + 294967296); each partial product is below 2^53.
  const lo = low >>> 0;
  const hi = high >>> 0;
  const hiTop = Math.floor(hi / 65_536);
  const hiBottom = hi % 65_536;
  // First long division step on base 2^16 digits: [hiTop, hiBottom, loTop, loBottom] by 10^9, twice.
  let rest = hiTop;
  rest = rest * 65_536 + hiBottom;
  const q1 = Math.floor(rest / BILLION);
  rest = (rest % BILLION) * 65_536 + Math.floor(lo / 65_536);
  const q2 = Math.floor(rest / BILLION);
  rest = (rest % BILLION) * 65_536 + (lo % 65_536);
  const q3 = Math.floor(rest / BILLION);
  const lowest = rest % BILLION;
  const upper = (q1 * 65_536 + q2) * 65_536 + q3;
  if (upper === 0) return String(lowest);
  return String(upper) + String(lowest).padStart(9, "0");
}
