import { isIPv6 } from "node:net";
import type { EndpointSpec } from "@pointsman/plugin-api";

/** The part of an endpoint that does not change while it lives. */
export interface EndpointIdentity {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly rank: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** @throws TypeError with a sentence when the entry is malformed. */
export function parseEndpointSpec(spec: EndpointSpec): EndpointIdentity {
  const namespace = spec.namespace ?? "default";
  if (typeof spec.name !== "string" || spec.name === "") throw new TypeError("an endpoint needs a name");
  const id = `${namespace}/${spec.name}`;
  if (typeof spec.host !== "string" || spec.host === "") throw new TypeError(`endpoint ${id}: host is missing`);
  const host = spec.host.startsWith("[") && spec.host.endsWith("]") ? spec.host.slice(1, -1) : spec.host;
  if (/[\s,/[\]]/.test(host) || (host.includes(":") && !isIPv6(host)))
    throw new TypeError(`endpoint ${id}: "${host}" is no host`);
  if (!Number.isInteger(spec.port) || spec.port < 1 || spec.port > 65_535) {
    throw new TypeError(`endpoint ${id}: port must be 1 to 65535, got ${spec.port}`);
  }
  return Object.freeze({
    id,
    namespace,
    name: spec.name,
    address: isIPv6(host) ? `[${host}]:${spec.port}` : `${host}:${spec.port}`,
    host,
    port: spec.port,
    rank: spec.rank ?? 0,
    labels: Object.freeze({ ...spec.labels }),
  });
}

/** Parses a whole set. @throws TypeError when an entry is malformed, or two share an id or an address. */
export function parseEndpointSet(specs: readonly EndpointSpec[]): EndpointIdentity[] {
  const identities = specs.map(parseEndpointSpec);
  const ids = new Set<string>();
  const owners = new Map<string, string>();
  for (const { id, address } of identities) {
    if (ids.has(id)) throw new TypeError(`two endpoints are named ${id}`);
    ids.add(id);
    const owner = owners.get(address);
    if (owner !== undefined) throw new TypeError(`endpoints ${owner} and ${id} have the same address ${address}`);
    owners.set(address, id);
  }
  return identities;
}

/** Same endpoint, so that what is known about it stays valid; labels may differ. */
export function isSameEndpoint(a: EndpointIdentity, b: EndpointIdentity): boolean {
  return a.id === b.id && a.address === b.address;
}
