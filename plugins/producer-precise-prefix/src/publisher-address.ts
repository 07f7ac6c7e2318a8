import type { PublisherAddress } from "@pointsman/kv-cache";
import type { Endpoint } from "@pointsman/plugin-api";
import type { PreciseOptions } from "./options.ts";

/** Where an endpoint publishes its events: undefined for one that is not dialled. */
export function publisherAddress(endpoint: Endpoint, events: PreciseOptions["events"]): PublisherAddress | undefined {
  const { podLabelSelector, podNamespace, socketPort, replaySocketPort, portLabel, replayPortLabel } =
    events.podDiscoveryConfig;
  if (!events.discoverPods) return undefined;
  if (podNamespace !== undefined && endpoint.namespace !== podNamespace) return undefined;
  for (const pair of podLabelSelector?.split(",") ?? []) {
    const [name, value] = pair.split("=", 2);
    if (endpoint.labels[name!.trim()] !== value!.trim()) return undefined;
  }
  return {
    host: endpoint.host,
    port: portOf(endpoint, portLabel) ?? inRange(socketPort + endpoint.rank),
    replayPort:
      portOf(endpoint, replayPortLabel) ??
      (replaySocketPort === undefined ? undefined : inRange(replaySocketPort + endpoint.rank)),
  };
}

/** `tcp://*:5557` as host and port to listen on; every interface where the host is a star. */
export function parseListenAddress(address: string): { readonly host: string | undefined; readonly port: number } {
  const at = address.lastIndexOf(":");
  const host = address.slice("tcp://".length, at).replace(/^\[|\]$/g, "");
  return { host: host === "*" ? undefined : host, port: Number(address.slice(at + 1)) };
}

function portOf(endpoint: Endpoint, label: string): number | undefined {
  const value = Number(endpoint.labels[label] ?? Number.NaN);
  return Number.isInteger(value) && value >= 1 && value <= 65_535 ? value : undefined;
}

function inRange(port: number): number {
  return Math.min(port, 65_535);
}
