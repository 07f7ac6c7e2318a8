import type { Attribute } from "@pointsman/plugin-api";
import type { CandidateList } from "./candidate-list.ts";
import type { RowValues } from "./endpoint-table.ts";

/** What producers found for one request: columns over the rows of the table. */
export class RequestColumns implements RowValues {
  readonly #columns = new Map<string, Float64Array | unknown[]>();
  readonly #rows: number;

  constructor(rows: number) {
    this.#rows = rows;
  }

  get(source: string): Float64Array | readonly unknown[] | undefined {
    return this.#columns.get(source);
  }

  /**
   * Publishes a producer's column for the candidates it was given. The first writer of a key owns the plain name.
   * @param values one entry per candidate.
   */
  publish(attribute: Attribute, writer: string, candidates: CandidateList, values: Float64Array | unknown[]): void {
    const column =
      attribute.kind === "f64" ? new Float64Array(this.#rows).fill(Number.NaN) : new Array<unknown>(this.#rows);
    for (let i = 0; i < candidates.length; i += 1) column[candidates.rowOf(i)] = values[i] as never;
    this.#columns.set(`${attribute.key}#${writer}`, column);
    if (!this.#columns.has(attribute.key)) this.#columns.set(attribute.key, column);
  }
}
