import type { Endpoint } from "@pointsman/plugin-api";

/** What is in flight at one endpoint. */
export interface EndpointLoad {
  readonly endpointId: string;
  /** Labels of its metrics. */
  readonly labels: { readonly endpoint_name: string; readonly namespace: string };
  readonly requests: number;
  readonly tokens: number;
}

/** Where changes are published. */
export interface LoadSink {
  publish(load: EndpointLoad): void;
  /** The endpoint has left the pool. */
  forget(load: EndpointLoad): void;
}

/** A row of the ledger; only the ledger writes it. */
class Row implements EndpointLoad {
  readonly endpointId: string;
  readonly labels: EndpointLoad["labels"];
  requests = 0;
  tokens = 0;

  constructor({ id, name, namespace }: Endpoint) {
    this.endpointId = id;
    this.labels = { endpoint_name: name, namespace };
  }
}

/**
 * Counts of what is in flight, one row per endpoint of the pool.
 *
 * Whoever adds to a row keeps it and takes off the same row. A row that has left the pool is changed in silence, and an
 * endpoint that comes back gets a new one: it starts at 0 and never falls below.
 */
export class LoadLedger {
  readonly #rows = new Map<string, Row>();
  readonly #sinks = new Set<LoadSink>();

  /** Publishes the present state and each change. Returns a function that ends it. */
  publishTo(sink: LoadSink): () => void {
    this.#sinks.add(sink);
    for (const row of this.#rows.values()) sink.publish(row);
    return () => this.#sinks.delete(sink);
  }

  /** The row of an endpoint; undefined when it is not in the pool. */
  rowOf(endpointId: string): EndpointLoad | undefined {
    return this.#rows.get(endpointId);
  }

  /** Takes over the pool as it is; endpoints that have a row keep it. */
  followPool(endpoints: readonly Endpoint[]): void {
    const ids = new Set(endpoints.map(({ id }) => id));
    for (const id of [...this.#rows.keys()]) if (!ids.has(id)) this.leave(id);
    for (const endpoint of endpoints) if (!this.#rows.has(endpoint.id)) this.join(endpoint);
  }

  /** Opens a row at 0, in place of an older one. */
  join(endpoint: Endpoint): void {
    const row = new Row(endpoint);
    this.#rows.set(endpoint.id, row);
    for (const sink of this.#sinks) sink.publish(row);
  }

  leave(endpointId: string): void {
    const row = this.#rows.get(endpointId);
    if (row === undefined) return;
    this.#rows.delete(endpointId);
    for (const sink of this.#sinks) sink.forget(row);
  }

  /** Adds to a row of this ledger; negative numbers take off. */
  add(load: EndpointLoad, requests: number, tokens: number): void {
    const row = load as Row;
    row.requests += requests;
    row.tokens += tokens;
    if (this.#rows.get(row.endpointId) !== row) return;
    for (const sink of this.#sinks) sink.publish(row);
  }
}
