import type { Connector } from "@pointsman/plugin-api";

const COPIED = ["remote_block_ids", "remote_engine_id", "remote_host", "remote_port"] as const;

/** The first NIXL protocol (until July 2025): parameters at the top level, and no limit of tokens for the prefill. */
export const nixlConnector: Connector = {
  protocol: "nixl",
  async run(exchange) {
    const prefill = await exchange.prefill({
      body: exchange.body.with({ do_remote_decode: true, stream: false, stream_options: undefined }),
    });
    const copied = COPIED.flatMap((name) => {
      const raw = prefill.body?.raw(name);
      return raw === undefined ? [] : [[name, raw] as const];
    });
    return exchange.decode({ body: exchange.body.with({ do_remote_prefill: true, ...Object.fromEntries(copied) }) });
  },
};
