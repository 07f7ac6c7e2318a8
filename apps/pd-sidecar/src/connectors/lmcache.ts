import type { Connector } from "@pointsman/plugin-api";

/** LMCache: the servers share a cache by themselves; the prefill only has to have happened. */
export const lmcacheConnector: Connector = {
  protocol: "lmcache",
  async run(exchange) {
    const body = exchange.body.with({ max_tokens: 1, max_completion_tokens: 1 });
    await exchange.prefill({ body }, { anyAnswer: true });
    return exchange.decode({ body: exchange.body });
  },
};
