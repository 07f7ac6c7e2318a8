import { isSampleOf } from "./sample-line.ts";

/** A metric to find: its name, and the name after a line break. */
export interface MetricName {
  readonly bytes: Uint8Array;
  readonly afterBreak: Uint8Array;
}

/** Numbers that grow by a digit or two move what follows; beyond this a page has changed its shape. */
const driftBytes = 384;
const lineFeed = 0x0a;

/**
 * Offset of the first sample of a metric, -1 when there is none. All samples of a metric stand together, as the text
 * format demands; so a sample that is found near `expected`, where it was on the last page, leads to the first one
 * without reading the rest of the page.
 */
export function locateGroup(page: Buffer, metric: MetricName, expected: number): number {
  const near = expected < 0 ? -1 : locateNear(page, metric, expected);
  return near < 0 ? search(page, metric) : rewind(page, metric, near);
}

function locateNear(page: Buffer, { bytes }: MetricName, expected: number): number {
  if ((expected === 0 || page[expected - 1] === lineFeed) && isSampleOf(page, expected, bytes)) return expected;
  const until = Math.min(page.length, expected + driftBytes);
  let previous = lineFeed;
  let at = 0;
  if (expected > driftBytes) {
    at = expected - driftBytes;
    previous = page[at - 1] ?? 0;
  }
  for (; at < until; at += 1) {
    if (previous === lineFeed && isSampleOf(page, at, bytes)) return at;
    previous = page[at]!;
  }
  return -1;
}

/** From one sample of a group to the group's first. */
function rewind(page: Buffer, { bytes }: MetricName, found: number): number {
  let first = found;
  while (first > 0) {
    let start = first - 1;
    while (start > 0 && page[start - 1] !== lineFeed) start -= 1;
    if (!isSampleOf(page, start, bytes)) break;
    first = start;
  }
  return first;
}

function search(page: Buffer, { bytes, afterBreak }: MetricName): number {
  if (isSampleOf(page, 0, bytes)) return 0;
  for (let at = page.indexOf(afterBreak); at >= 0; at = page.indexOf(afterBreak, at + afterBreak.length)) {
    if (isSampleOf(page, at + 1, bytes)) return at + 1;
  }
  return -1;
}
