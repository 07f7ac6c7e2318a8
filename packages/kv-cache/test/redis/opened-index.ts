import { afterAll, expect } from "vitest";
import { createRedisIndex, longestPrefixes, type RedisIndex, type RedisIndexOptions } from "../../src/redis/index.ts";

/** A deadline that no working Redis misses, however busy the machine is. */
export const GENEROUS_MS = 2_000;
export const podA = "10.0.0.1:8000";
export const podB = "10.0.0.2:8000";

/** Closes it behind the tests of the file. */
export function closeLater<Index extends { close(): Promise<void> }>(index: Index): Index {
  afterAll(() => index.close());
  return index;
}

/** An index whose connection is up; closed behind the tests of the file. */
export async function connect(options: RedisIndexOptions): Promise<RedisIndex> {
  const index = closeLater(createRedisIndex({ deadlineMs: GENEROUS_MS, ...options }));
  expect(await index.connected(GENEROUS_MS)).toBe(true);
  return index;
}

export const keys = (...numbers: number[]): string[] => numbers.map(String);

/** Leading blocks by pod. @throws when the look-up has no answer */
export async function prefixesOf(
  index: RedisIndex,
  model: string,
  blocks: readonly string[],
): Promise<Record<string, number>> {
  const lookup = await index.lookup(model, blocks);
  if (!lookup.found) throw new Error(`${lookup.why}: ${lookup.message}`);
  return Object.fromEntries([...longestPrefixes(lookup.runs)].map(([pod, { blocks: leading }]) => [pod, leading]));
}
