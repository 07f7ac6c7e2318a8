import type { Attribute, DataKey, Endpoint, NumberAttribute } from "@pointsman/plugin-api";
import type { CellData, ColumnData, EndpointData, TableChange } from "./protocol.ts";

/** The pool at one moment. The datastore's snapshot is one. */
export interface AskedTable {
  /** Another object when endpoints joined or left. */
  readonly roster: object;
  readonly endpoints: readonly Endpoint[];
  /** Another array when a value has changed. */
  column(attribute: NumberAttribute): Float64Array;
}

interface SentCells {
  readonly values: unknown[];
  readonly writtenAt: number[];
}

/** Remembers what one worker was told of the pool, so that only changes cross. */
export class PostedTable {
  readonly #numbers: readonly NumberAttribute[];
  readonly #others: readonly Attribute[];
  #roster: object | undefined;
  readonly #sentNumbers = new Map<string, Float64Array>();
  readonly #sentCells = new Map<string, SentCells>();

  /** @param reads what the plugin declared that it reads; nothing else crosses. */
  constructor(reads: readonly DataKey[]) {
    const attributes = reads.filter((key): key is Attribute => key.$$type === "pointsman/attribute");
    this.#numbers = attributes.filter((key): key is NumberAttribute => key.kind === "f64");
    this.#others = attributes.filter(({ kind }) => kind !== "f64");
  }

  /** What to tell so that the worker knows this table. */
  changeTo(table: AskedTable): TableChange {
    const { endpoints } = table;
    let roster: EndpointData[] | undefined;
    if (table.roster !== this.#roster) {
      this.#roster = table.roster;
      this.#sentNumbers.clear();
      this.#sentCells.clear();
      roster = endpoints.map(identityOf);
    }
    const now = Date.now();
    const columns: ColumnData[] = [];
    for (const attribute of this.#numbers) {
      const values = table.column(attribute);
      if (this.#sentNumbers.get(attribute.source) === values) continue;
      this.#sentNumbers.set(attribute.source, values);
      const writtenAt = new Float64Array(endpoints.length);
      for (let row = 0; row < endpoints.length; row += 1) writtenAt[row] = writtenAtOf(endpoints[row]!, attribute, now);
      columns.push({ source: attribute.source, values, writtenAt });
    }
    const cells = this.#others.flatMap((attribute) => this.#changedCells(attribute, endpoints, now));
    return { roster, columns, cells };
  }

  #changedCells(attribute: Attribute, endpoints: readonly Endpoint[], now: number): CellData[] {
    let sent = this.#sentCells.get(attribute.source);
    if (sent === undefined) {
      sent = {
        values: new Array(endpoints.length).fill(undefined),
        writtenAt: new Array(endpoints.length).fill(Number.NaN),
      };
      this.#sentCells.set(attribute.source, sent);
    }
    const rows: number[] = [];
    for (let row = 0; row < endpoints.length; row += 1) {
      const value = endpoints[row]!.get(attribute);
      const writtenAt = writtenAtOf(endpoints[row]!, attribute, now);
      // A millisecond is lost or won by reading the clock twice.
      if (value === sent.values[row] && !(Math.abs(writtenAt - sent.writtenAt[row]!) > 1)) continue;
      sent.values[row] = value;
      sent.writtenAt[row] = writtenAt;
      rows.push(row);
    }
    if (rows.length === 0) return [];
    const { values, writtenAt } = sent;
    return [
      {
        source: attribute.source,
        rows,
        values: rows.map((row) => values[row]),
        writtenAt: rows.map((row) => writtenAt[row]!),
      },
    ];
  }
}

function writtenAtOf(endpoint: Endpoint, attribute: Attribute, now: number): number {
  const age = endpoint.ageMs(attribute);
  return age === undefined ? Number.NaN : now - age;
}

/** The unchanging part of an endpoint, as it crosses. */
export function identityOf({ id, namespace, name, address, host, port, rank, labels }: Endpoint): EndpointData {
  return { id, namespace, name, address, host, port, rank, labels };
}
