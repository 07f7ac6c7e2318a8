import type { Endpoint, NumberAttribute } from "@pointsman/plugin-api";

/** Per-request columns, one entry per row of the table, by `Attribute.source`. */
export interface RowValues {
  get(source: string): Float64Array | readonly unknown[] | undefined;
}

/** The pool at one moment, as the scheduler needs it. The datastore's snapshot is one. */
export interface EndpointTable {
  readonly endpoints: readonly Endpoint[];
  /** One number per row; `NaN` = unknown. Not to be written. */
  column(attribute: NumberAttribute): Float64Array;
  /** Set by the scheduler for the length of one synchronous run. */
  requestValues: RowValues | undefined;
}
