import type { Candidates, Endpoint, NumberAttribute } from "@pointsman/plugin-api";
import type { EndpointTable } from "./endpoint-table.ts";

/**
 * Some rows of a table, in the order of the table. An array, so that plugins index it like one, and frozen, so that
 * none of them can change it for the others.
 */
export class CandidateList extends Array<Endpoint> implements Candidates {
  // `map` and `filter` of plugins make plain arrays, not candidate lists.
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** Table the rows belong to. */
  readonly table: EndpointTable;
  /** Row of each candidate, ascending; undefined = all rows of the table. */
  readonly rows: Uint32Array | undefined;
  readonly #gathered = new Map<string, Float64Array>();

  /** All rows of the table, or those given (ascending, without repetition). The list takes over the array. */
  constructor(table: EndpointTable, rows?: Uint32Array) {
    const { endpoints } = table;
    super(rows === undefined ? endpoints.length : rows.length);
    if (rows === undefined) for (let i = 0; i < endpoints.length; i += 1) this[i] = endpoints[i]!;
    else for (let i = 0; i < rows.length; i += 1) this[i] = endpoints[rows[i]!]!;
    this.table = table;
    this.rows = rows;
    Object.freeze(this);
  }

  rowOf(index: number): number {
    return this.rows === undefined ? index : this.rows[index]!;
  }

  column(attribute: NumberAttribute): Float64Array {
    const all = this.table.column(attribute);
    const { rows } = this;
    if (rows === undefined) return all;
    // Request-scoped values differ from request to request: their copy must not be kept with the list.
    const cached = attribute.scope === "request" ? undefined : this.#gathered.get(attribute.source);
    if (cached !== undefined) return cached;
    const gathered = new Float64Array(rows.length);
    for (let i = 0; i < rows.length; i += 1) gathered[i] = all[rows[i]!]!;
    if (attribute.scope !== "request") this.#gathered.set(attribute.source, gathered);
    return gathered;
  }

  /** The candidates whose byte in `keep` is not 0. */
  narrow(keep: Uint8Array): CandidateList {
    let count = 0;
    for (let i = 0; i < keep.length; i += 1) if (keep[i] !== 0) count += 1;
    const rows = new Uint32Array(count);
    let next = 0;
    for (let i = 0; i < keep.length; i += 1) {
      if (keep[i] === 0) continue;
      rows[next] = this.rowOf(i);
      next += 1;
    }
    return new CandidateList(this.table, rows);
  }
}
