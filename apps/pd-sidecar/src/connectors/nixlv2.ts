import type { Connector, ConnectorExchange, HostPort, JsonBody, PrefillAnswer } from "@pointsman/plugin-api";
import type { HostLogger } from "@pointsman/telemetry";
import { cachedTokensOf, withCachedTokens } from "../decode/cached-tokens.ts";
import type { Settings } from "../options/settings.ts";
import { kvSourceParams, pullBody } from "./p2p.ts";

/** What a prefill server needs to hear to keep the blocks for a decode server. All four `remote_*` are null. */
export const PREFILL_PARAMS = {
  do_remote_decode: true,
  do_remote_prefill: false,
  remote_engine_id: null,
  remote_block_ids: null,
  remote_host: null,
  remote_port: null,
} as const;

/** Answers that are rewritten must not be compressed. */
export const IDENTITY = { "accept-encoding": "identity" } as const;

/** vLLM's NixlConnector: prefill first, then decode with the `kv_transfer_params` of the prefill's answer, verbatim. */
export function createNixlV2Connector(settings: Settings, log: HostLogger): Connector {
  const canPull = settings["enable-p2p-pull"];
  return {
    protocol: "nixlv2",
    async run(exchange) {
      const source = kvSourceParams(exchange, settings);
      const prefill = await exchange.prefill({
        body: exchange.oneToken().with({ kv_transfer_params: { ...PREFILL_PARAMS, ...source } }),
      });
      return decodeAfter(exchange, prefill, log);
    },
    ...(canPull ? { pull: (body: JsonBody, source: HostPort) => pullBody(body, source, settings) } : {}),
  };
}

/** The decode leg, and what the client is told about cached tokens: the prefill server's number. */
export async function decodeAfter(
  exchange: ConnectorExchange,
  { body }: PrefillAnswer,
  log: HostLogger,
  headers: Readonly<Record<string, string>> = {},
) {
  const params = body?.raw("kv_transfer_params");
  if (params === undefined) {
    log.warn("the prefill answer has no kv_transfer_params; the decode server computes by itself", { id: exchange.id });
  }
  const answer = await exchange.decode({
    body: exchange.body.with({ kv_transfer_params: params ?? null }),
    headers: { ...IDENTITY, ...headers },
    flexible: true,
  });
  return withCachedTokens(answer, cachedTokensOf(body));
}
