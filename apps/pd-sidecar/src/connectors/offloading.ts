import { randomUUID } from "node:crypto";
import type { Connector } from "@pointsman/plugin-api";
import { kvSourceParams, type P2pSettings, p2pPort, pullBody } from "./p2p.ts";
import { primedWithOneToken } from "./single-token.ts";

/** vLLM's offloading connector: both legs at once; the decode server fetches from the prefill server by a shared id. */
export function createOffloadingConnector(settings: P2pSettings): Connector {
  return {
    protocol: "offloading",
    run(exchange) {
      const id = randomUUID();
      const { host, port } = exchange.prefiller;
      const prefiller = { kv_request_id: id, remote_host: host, remote_port: p2pPort(port, settings) };
      return exchange.both(
        {
          body: primedWithOneToken(exchange.body).with({
            kv_transfer_params: { remote_decoder: { kv_request_id: id }, ...kvSourceParams(exchange, settings) },
          }),
        },
        { body: exchange.body.with({ kv_transfer_params: { remote_prefiller: prefiller } }) },
      );
    },
    pull: (body, source) => pullBody(body, source, settings),
  };
}
