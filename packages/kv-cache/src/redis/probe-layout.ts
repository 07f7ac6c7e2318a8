import { Cluster, type Redis } from "ioredis";
import type { RedisClient } from "./connection.ts";
import { type RedisLayoutName, redisLayouts } from "./layouts.ts";

/** What an index looks like from outside. */
export interface LayoutProbe {
  /** Layouts that keys of the sample have, most frequent first. */
  readonly seen: readonly RedisLayoutName[];
  /** Keys looked at. */
  readonly keys: number;
  /** A key that no layout has. */
  readonly foreign: string | undefined;
}

const SAMPLE = 256;

/** Looks at some keys and says which layouts they have. Read-only. @throws what Redis says */
export async function probeLayout(client: RedisClient): Promise<LayoutProbe> {
  const node = client instanceof Cluster ? client.nodes("master")[0] : client;
  if (node === undefined) return { seen: [], keys: 0, foreign: undefined };
  const [, keys] = (await (node as Redis).call("scan", "0", "COUNT", SAMPLE)) as [string, string[]];
  const counts = new Map<RedisLayoutName, number>();
  let foreign: string | undefined;
  for (const key of keys) {
    if (key.startsWith("engine:") || key.startsWith("pointsman:")) continue;
    const name = (Object.keys(redisLayouts) as RedisLayoutName[]).find((layout) => redisLayouts[layout].owns(key));
    if (name === undefined) foreign ??= key.slice(0, 120);
    else counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const seen = [...counts].sort(([, a], [, b]) => b - a).map(([name]) => name);
  return { seen, keys: keys.length, foreign };
}
