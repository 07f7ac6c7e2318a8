import { randomInt } from "node:crypto";
import type { Connector } from "@pointsman/plugin-api";

/** `randomInt` gives up to 48 bits: unique enough for a room, and exact as a JSON number everywhere. */
const ROOMS = 2 ** 48 - 1;

/** SGLang: both servers get one body and meet in a room of the prefill server's bootstrap server. */
export function createSglangConnector(bootstrapPort: number): Connector {
  return {
    protocol: "sglang",
    run(exchange) {
      const body = exchange.body.with({
        bootstrap_host: exchange.prefiller.host,
        bootstrap_port: bootstrapPort,
        bootstrap_room: randomInt(ROOMS),
      });
      return exchange.both({ body }, { body });
    },
  };
}
