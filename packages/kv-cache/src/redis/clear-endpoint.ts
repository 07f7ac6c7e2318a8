import { Cluster, type Redis } from "ioredis";
import type { RedisClient } from "./connection.ts";
import type { RedisLayout } from "./layouts.ts";
import { type RedisCommand, sendCommands } from "./send-commands.ts";

/** Keys that are looked at in one step: llm-d's batch. */
const SCAN_COUNT = 1_024;

/**
 * Removes pods from every block, in all tiers. Walks once through the whole database in small steps, so that others get
 * their turn; what is stored meanwhile may stay.
 * @returns how many entries were removed.
 */
export async function clearEndpoints(
  client: RedisClient,
  layout: RedisLayout,
  pods: readonly string[],
): Promise<number> {
  const nodes: readonly (Redis | RedisClient)[] = client instanceof Cluster ? client.nodes("master") : [client];
  // As the layout gives them back: v0.1 knows no ports.
  const wanted = new Set(
    pods.map(
      (pod) => layout.parseField(layout.field({ pod, tier: "", speculative: false, group: undefined }))?.pod ?? pod,
    ),
  );
  let removed = 0;
  for (const node of nodes) {
    let cursor = "0";
    do {
      const [next, found] = (await (node as Redis).call(
        "scan",
        cursor,
        "MATCH",
        layout.pattern,
        "COUNT",
        SCAN_COUNT,
        "TYPE",
        "hash",
      )) as [string, string[]];
      cursor = next;
      const keys = found.filter((key) => layout.owns(key));
      const fields = (await sendCommands(
        client,
        keys.map((key): RedisCommand => ["hkeys", key]),
      )) as string[][];
      const removals = keys.flatMap((key, i): RedisCommand[] => {
        const own = fields[i]!.filter((field) => wanted.has(layout.parseField(field)?.pod ?? ""));
        return own.length === 0 ? [] : [["hdel", key, ...own]];
      });
      await sendCommands(client, removals);
      for (const [, , ...own] of removals) removed += own.length;
    } while (cursor !== "0");
  }
  return removed;
}
