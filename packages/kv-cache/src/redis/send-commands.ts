import { Cluster } from "ioredis";
import type { RedisClient } from "./connection.ts";

export type RedisCommand = readonly [name: string, ...arguments_: (string | number)[]];

/**
 * Sends all commands before it waits for the first answer. The order holds on a single server; in a cluster it holds
 * for each key.
 * @throws the first error; other commands of the batch may have been carried out.
 */
export async function sendCommands(client: RedisClient, commands: readonly RedisCommand[]): Promise<unknown[]> {
  if (commands.length === 0) return [];
  if (client instanceof Cluster) {
    const results = await Promise.allSettled(commands.map(([name, ...rest]) => client.call(name, ...rest)));
    return results.map((result) => {
      if (result.status === "rejected") throw result.reason;
      return result.value;
    });
  }
  const replies = (await client.pipeline(commands as unknown as unknown[][]).exec()) ?? [];
  return replies.map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
}
