import type { Attribute, NumberAttribute } from "./attribute.ts";

/** One model server address that can serve a request, as one snapshot saw it. Read-only. */
export interface Endpoint {
  /** `namespace/name`, unique in the pool and stable while the endpoint lives. */
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  /** `host:port`, IPv6 in brackets: what the proxy dials. */
  readonly address: string;
  /** IP address or host name, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Index of the port among the ports of one pod (data-parallel rank), 0 elsewhere. */
  readonly rank: number;
  readonly labels: Readonly<Record<string, string>>;
  /**
   * The value of an attribute, or undefined when nobody wrote it or it is older than
   * max(its maximum age, 3 × the actual scrape interval).
   */
  get<Value>(attribute: Attribute<Value>): Value | undefined;
  /** Milliseconds since the value was written, stale or not; undefined when it never was. */
  ageMs(attribute: Attribute): number | undefined;
}

/**
 * The endpoints still in the running for a request. Host-owned: valid during the call in which it was passed, up to
 * the first `await`; copy what you want to keep (an endpoint's `id`, never the endpoint).
 */
export interface Candidates extends ReadonlyArray<Endpoint> {
  /**
   * One number per candidate, in the order of the candidates; `NaN` = unknown or stale. Do not write to it.
   * Costs one copy where filters have removed endpoints, nothing otherwise.
   */
  column(attribute: NumberAttribute): Float64Array;
}

/** How discovery describes an endpoint. */
export interface EndpointSpec {
  readonly name: string;
  readonly namespace?: string;
  /** IP address or host name; IPv6 with or without brackets. */
  readonly host: string;
  readonly port: number;
  readonly rank?: number;
  readonly labels?: Readonly<Record<string, string>>;
}
