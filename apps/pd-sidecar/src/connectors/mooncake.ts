import { randomInt, randomUUID } from "node:crypto";
import type { Connector, ConnectorExchange } from "@pointsman/plugin-api";
import { bracketed, formatTarget } from "../http/target.ts";
import { primedWithOneToken } from "./single-token.ts";

const QUERY_TIMEOUT_MS = 5_000;
/** Engine ids are remembered for so many prefill servers. */
const REMEMBERED = 1_024;

interface Rank {
  readonly rank: string;
  readonly engineId: string;
}

/**
 * Mooncake: both legs at once; the decode server finds the prefill server's engine by its bootstrap server. Engine ids are
 * asked once per prefill server and forgotten when a leg fails: a restarted engine has new ones.
 */
export function createMooncakeConnector(bootstrapPort: number): Connector {
  // In the order of last use.
  const known = new Map<string, readonly Rank[]>();

  async function ranksOf(exchange: ConnectorExchange, key: string): Promise<readonly Rank[]> {
    const ranks = known.get(key) ?? (await askRanks(exchange, bootstrapPort));
    known.delete(key);
    known.set(key, ranks);
    if (known.size > REMEMBERED) known.delete(known.keys().next().value!);
    return ranks;
  }

  return {
    protocol: "mooncake",
    async run(exchange) {
      const key = formatTarget(exchange.prefiller);
      const ranks = await ranksOf(exchange, key);
      const { rank, engineId } = ranks[randomInt(ranks.length)]!;
      const transfer_id = `xfer-${randomUUID()}`;
      const prefillParams = { do_remote_prefill: false, do_remote_decode: true, transfer_id };
      const decodeParams = {
        do_remote_prefill: true,
        do_remote_decode: false,
        transfer_id,
        remote_bootstrap_addr: `http://${bracketed(exchange.prefiller.host)}:${bootstrapPort}`,
        remote_engine_id: engineId,
      };
      try {
        const answer = await exchange.both(
          {
            body: primedWithOneToken(exchange.body).with({ kv_transfer_params: prefillParams }),
            headers: { "x-data-parallel-rank": rank },
          },
          { body: exchange.body.with({ kv_transfer_params: decodeParams }) },
        );
        if (answer.status >= 500) known.delete(key);
        return answer;
      } catch (error) {
        known.delete(key);
        throw error;
      }
    },
  };
}

async function askRanks(exchange: ConnectorExchange, port: number): Promise<readonly Rank[]> {
  const answer = await exchange.ask({ port, path: "/query", timeoutMs: QUERY_TIMEOUT_MS });
  const entries = JSON.parse(Buffer.from(answer.bytes).toString()) as Record<string, { engine_id?: unknown } | null>;
  const ranks = Object.entries(entries).flatMap(([rank, entry]) =>
    /^\d+$/.test(rank) && typeof entry?.engine_id === "string" ? [{ rank, engineId: entry.engine_id }] : [],
  );
  if (ranks.length === 0) throw new Error("the bootstrap server of the prefill server names no engine");
  return ranks;
}
