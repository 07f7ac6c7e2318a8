import { createHash, randomUUID } from "node:crypto";
import type { Connector, ConnectorExchange, DecodeAnswer, JsonBody } from "@pointsman/plugin-api";
import type { HostLogger } from "@pointsman/telemetry";
import { cachedTokensOf, withCachedTokens } from "../decode/cached-tokens.ts";
import { Refusal } from "../http/own-answers.ts";
import type { Settings } from "../options/settings.ts";
import { decodeAfter, IDENTITY, PREFILL_PARAMS } from "./nixlv2.ts";

const RANK_HEADER = "x-data-parallel-rank";

/** The rank of a request: BLAKE2s-256 of its id, the first 8 bytes as a big-endian number, modulo the size. */
export function moriioRank(requestId: string, dpSize: number): number {
  if (dpSize <= 1) return 0;
  const digest = createHash("blake2s256").update(requestId).digest();
  return Number(digest.readBigUInt64BE(0) % BigInt(dpSize));
}

/** The rank that the prefill's answer names, if it is one; else that of the request. */
export function decodeRank(answer: JsonBody | undefined, requestId: string, dpSize: number): number {
  const params = answer?.value("kv_transfer_params") as { remote_dp_rank?: unknown } | null | undefined;
  const named = params?.remote_dp_rank;
  const isRank = typeof named === "number" && Number.isInteger(named) && named >= 0 && named < dpSize;
  return isRank ? named : moriioRank(requestId, dpSize);
}

/** NIXL v2's protocol for MoRI-IO: ranks by header, and in WRITE mode the prefill server pushes to the decode server. */
export function createMoriioConnector(settings: Settings, log: HostLogger): Connector {
  const dpSize = settings["moriio-dp-size"];
  const writes = settings["moriio-write-mode"];
  const rankHeader = (rank: number): Record<string, string> => (dpSize > 1 ? { [RANK_HEADER]: String(rank) } : {});

  const prefillLeg = (exchange: ConnectorExchange, transferId: string) => ({
    body: exchange.oneToken().with({
      kv_transfer_params: { ...PREFILL_PARAMS, ...(writes ? pushParams(exchange, transferId, settings) : {}) },
    }),
    headers: rankHeader(moriioRank(exchange.id, dpSize)),
  });

  return {
    protocol: "nixlv2",
    run(exchange) {
      const transferId = `tx${randomUUID()}`;
      if (writes && settings["moriio-parallel-dispatch"]) return dispatchBoth(exchange, transferId);
      return oneAfterTheOther(exchange, transferId);
    },
  };

  async function oneAfterTheOther(exchange: ConnectorExchange, transferId: string): Promise<DecodeAnswer> {
    const prefill = await exchange.prefill(prefillLeg(exchange, transferId));
    const rank = decodeRank(prefill.body, exchange.id, dpSize);
    return decodeAfter(exchange, prefill, log, writes ? rankHeader(rank) : {});
  }

  /** Both at once; the decode server's answer is held back until the prefill has succeeded. */
  async function dispatchBoth(exchange: ConnectorExchange, transferId: string): Promise<DecodeAnswer> {
    const limit = settings["moriio-parallel-decode-wait-timeout"];
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Refusal(504, "The prefill and decode legs took too long.")), limit);
    });
    const decode = exchange.decode({
      body: exchange.body.with({ kv_transfer_params: fetchParams(exchange, transferId, settings) }),
      headers: { ...IDENTITY, ...rankHeader(moriioRank(exchange.id, dpSize)) },
    });
    // A prefill that failed is what the client hears of; a decode leg that failed must wait for it.
    decode.catch(() => {});
    try {
      const prefill = await Promise.race([exchange.prefill(prefillLeg(exchange, transferId)), late]);
      return withCachedTokens(await Promise.race([decode, late]), cachedTokensOf(prefill.body));
    } finally {
      clearTimeout(timer);
    }
  }
}

/** To the prefill server: where to push. */
function pushParams(exchange: ConnectorExchange, transferId: string, settings: Settings): object {
  const hosts = settings["moriio-decode-hosts"];
  return {
    remote_host: settings["moriio-local-pod-ip"] || settings.podIp,
    remote_notify_port: settings["moriio-decode-notify-port"],
    remote_handshake_port: settings["moriio-decode-handshake-port"],
    ...shared(exchange, transferId, settings),
    ...(hosts.length > 0 ? { remote_hosts: hosts, remote_dp_size_local: settings["moriio-dp-size-local"] } : {}),
  };
}

/** To the decode server, which cannot wait for the prefill's answer: who will push. */
function fetchParams(exchange: ConnectorExchange, transferId: string, settings: Settings): object {
  const hosts = settings["moriio-remote-hosts"];
  return {
    do_remote_decode: false,
    do_remote_prefill: true,
    remote_host: exchange.prefiller.host,
    remote_notify_port: settings["moriio-prefill-notify-port"],
    remote_handshake_port: settings["moriio-prefill-handshake-port"],
    ...shared(exchange, transferId, settings),
    ...(hosts.length > 0 ? { remote_hosts: hosts, remote_dp_size_local: settings["moriio-dp-size-local"] } : {}),
  };
}

function shared(exchange: ConnectorExchange, transferId: string, settings: Settings): object {
  return {
    remote_dp_rank: moriioRank(exchange.id, settings["moriio-dp-size"]),
    remote_dp_rank_override: true,
    transfer_id: transferId,
    tp_size: settings["moriio-tp-size"],
    remote_dp_size: settings["moriio-dp-size"],
  };
}
