import { randomUUID } from "node:crypto";
import type { ConnectorExchange, HostPort, JsonBody } from "@pointsman/plugin-api";
import type { Settings } from "../options/settings.ts";

export type P2pSettings = Pick<Settings, "p2p-connector-port" | "port" | "data-parallel-size">;

/** The P2P port of the rank that a sidecar's port stands for: the base port where the port is none of a rank. */
export function p2pPort(targetPort: number, settings: P2pSettings): number {
  const rank = targetPort - settings.port;
  const isRank = rank >= 0 && rank < settings["data-parallel-size"];
  return settings["p2p-connector-port"] + (isRank ? rank : 0);
}

/** Where blocks can be fetched, and under which id. */
export function p2pAddress(target: HostPort, settings: P2pSettings) {
  return { kv_request_id: randomUUID(), remote_host: target.host, remote_port: p2pPort(target.port, settings) };
}

/** What makes a prefill server pull a cached prefix; nothing when there is no source, or it is the server itself. */
export function kvSourceParams({ kvSource, prefiller }: ConnectorExchange, settings: P2pSettings): object {
  if (kvSource === undefined || (kvSource.host === prefiller.host && kvSource.port === prefiller.port)) return {};
  return { remote_kv_source: p2pAddress(kvSource, settings) };
}

/** A body for the decode server alone that makes it pull a cached prefix. The client's own parameters go. */
export function pullBody(body: JsonBody, source: HostPort, settings: P2pSettings): JsonBody {
  return body.with({ kv_transfer_params: { remote_kv_source: p2pAddress(source, settings) } });
}
