import type { Attribute, Candidates, Endpoint, NumberAttribute } from "@pointsman/plugin-api";
import type { EndpointData, TableChange } from "../protocol.ts";

interface Values {
  readonly values: Float64Array | unknown[];
  readonly writtenAt: Float64Array | number[];
}

/** What the host told of the pool. */
export class WorkerTable {
  readonly #values = new Map<string, Values>();
  #rowById: ReadonlyMap<string, number> = new Map();
  #candidates = new WorkerCandidates(this, []);
  #unknown = new Float64Array(0);

  /** All endpoints of the pool, in its order. */
  get candidates(): WorkerCandidates {
    return this.#candidates;
  }

  apply({ roster, columns, cells }: TableChange): void {
    if (roster !== undefined) {
      this.#values.clear();
      this.#rowById = new Map(roster.map(({ id }, row) => [id, row]));
      this.#candidates = new WorkerCandidates(
        this,
        roster.map((data, row) => new WorkerEndpoint(data, this, row)),
      );
      this.#unknown = new Float64Array(roster.length).fill(Number.NaN);
    }
    for (const { source, values, writtenAt } of columns) this.#values.set(source, { values, writtenAt });
    for (const { source, rows, values, writtenAt } of cells) {
      let known = this.#values.get(source);
      if (known === undefined) {
        const size = this.#candidates.length;
        known = {
          values: new Array<unknown>(size).fill(undefined),
          writtenAt: new Array<number>(size).fill(Number.NaN),
        };
        this.#values.set(source, known);
      }
      rows.forEach((row, i) => {
        known.values[row] = values[i] as never;
        known.writtenAt[row] = writtenAt[i]!;
      });
    }
  }

  column({ source }: NumberAttribute): Float64Array {
    const values = this.#values.get(source)?.values;
    return values instanceof Float64Array ? values : this.#unknown;
  }

  value(source: string, row: number): unknown {
    const value = this.#values.get(source)?.values[row];
    return Number.isNaN(value) ? undefined : value;
  }

  writtenAt(source: string, row: number): number {
    return this.#values.get(source)?.writtenAt[row] ?? Number.NaN;
  }

  /** The endpoint with what is known of it; with nothing when it has left the pool, or was never told. */
  endpointOf(data: EndpointData): Endpoint {
    const row = this.#rowById.get(data.id);
    return (row === undefined ? undefined : this.#candidates[row]) ?? new WorkerEndpoint(data, this, -1);
  }
}

class WorkerEndpoint implements Endpoint {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly rank: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly #table: WorkerTable;
  readonly #row: number;

  constructor(data: EndpointData, table: WorkerTable, row: number) {
    this.id = data.id;
    this.namespace = data.namespace;
    this.name = data.name;
    this.address = data.address;
    this.host = data.host;
    this.port = data.port;
    this.rank = data.rank;
    this.labels = Object.freeze(data.labels);
    this.#table = table;
    this.#row = row;
    Object.freeze(this);
  }

  get<Value>({ source }: Attribute<Value>): Value | undefined {
    return this.#table.value(source, this.#row) as Value | undefined;
  }

  ageMs({ source }: Attribute): number | undefined {
    const writtenAt = this.#table.writtenAt(source, this.#row);
    return Number.isNaN(writtenAt) ? undefined : Math.max(0, Date.now() - writtenAt);
  }
}

/** Frozen, like the host's own lists. */
class WorkerCandidates extends Array<Endpoint> implements Candidates {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  readonly #table: WorkerTable;

  constructor(table: WorkerTable, endpoints: readonly Endpoint[]) {
    super(endpoints.length);
    endpoints.forEach((endpoint, row) => {
      this[row] = endpoint;
    });
    this.#table = table;
    Object.freeze(this);
  }

  column(attribute: NumberAttribute): Float64Array {
    return this.#table.column(attribute);
  }
}
