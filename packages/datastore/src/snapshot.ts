import type { Attribute, Endpoint, NumberAttribute } from "@pointsman/plugin-api";
import type { AttributeSlots } from "./attribute-slots.ts";
import type { Column, ColumnValues } from "./column.ts";
import type { EndpointIdentity } from "./endpoint-identity.ts";

/** Per-request values of request-scoped attributes, by {@link Attribute.source}; one entry per row of the snapshot. */
export interface RequestValues {
  get(source: string): ColumnValues | undefined;
}

/** The identities of one generation of the pool; shared by all snapshots until an endpoint joins or leaves. */
export interface Roster {
  readonly identities: readonly EndpointIdentity[];
  readonly rowByAddress: ReadonlyMap<string, number>;
  readonly rowById: ReadonlyMap<string, number>;
}

/** The pool at one moment: immutable, shared by every request until a writer changes something. */
export class Snapshot {
  readonly roster: Roster;
  /** Milliseconds since the epoch. */
  readonly takenAt: number;
  /** The snapshot is current until then, unless something is written before. */
  readonly validUntil: number;
  readonly endpoints: readonly Endpoint[];
  /** 1 for rows that may receive requests. */
  readonly ready: Uint8Array;
  readonly readyCount: number;
  /** When the latest scraped value of each row was written; `NaN` = never. */
  readonly updatedAt: Float64Array;
  /**
   * Values of the request that is being scheduled. Set for the length of one synchronous call, so that endpoints can
   * answer for request-scoped attributes without an object per request.
   */
  requestValues: RequestValues | undefined;
  readonly #slots: AttributeSlots;
  readonly #columns: readonly ColumnValues[];
  readonly #writtenAt: readonly Float64Array[];
  readonly #unknown: Float64Array;
  readonly #now: () => number;

  constructor(input: {
    roster: Roster;
    takenAt: number;
    /** Clock for ages: a snapshot is reused as long as nothing changes, and may be old when it is asked. */
    now: () => number;
    slots: AttributeSlots;
    columns: readonly Column[];
    ready: Uint8Array;
    updatedAt: Float64Array;
  }) {
    this.roster = input.roster;
    this.takenAt = input.takenAt;
    this.#now = input.now;
    this.ready = input.ready;
    this.readyCount = input.ready.reduce((sum, flag) => sum + flag, 0);
    this.updatedAt = input.updatedAt;
    this.#slots = input.slots;
    this.#columns = input.columns.map((column) => column.publish(input.takenAt));
    this.#writtenAt = input.columns.map((column) => column.publishedWrittenAt);
    this.validUntil = input.columns.reduce((until, column) => Math.min(until, column.publishedUntil), Infinity);
    this.#unknown = new Float64Array(input.roster.identities.length).fill(Number.NaN);
    this.endpoints = input.roster.identities.map((identity, row) => new EndpointView(this, identity, row));
  }

  get size(): number {
    return this.endpoints.length;
  }

  /** One number per row; `NaN` = unknown or stale. Shared: do not write. */
  column(attribute: NumberAttribute): Float64Array {
    const values = this.#values(attribute);
    return values instanceof Float64Array ? values : this.#unknown;
  }

  value(attribute: Attribute, row: number): unknown {
    const value = this.#values(attribute)?.[row];
    return Number.isNaN(value) ? undefined : value;
  }

  /** Milliseconds since a row's value was written; `NaN` = never. */
  ageMs(attribute: Attribute, row: number): number {
    const slot = this.#slots.slotOf(attribute.source);
    const writtenAt = slot === undefined ? undefined : this.#writtenAt[slot]?.[row];
    return writtenAt === undefined ? Number.NaN : Math.max(0, this.#now() - writtenAt);
  }

  #values(attribute: Attribute): ColumnValues | undefined {
    if (attribute.scope === "request") return this.requestValues?.get(attribute.source);
    const slot = this.#slots.slotOf(attribute.source);
    return slot === undefined ? undefined : this.#columns[slot];
  }
}

/** One row of a snapshot, as plugins see it. */
class EndpointView implements Endpoint {
  readonly #snapshot: Snapshot;
  readonly #identity: EndpointIdentity;
  readonly #row: number;

  constructor(snapshot: Snapshot, identity: EndpointIdentity, row: number) {
    this.#snapshot = snapshot;
    this.#identity = identity;
    this.#row = row;
  }

  get id(): string {
    return this.#identity.id;
  }
  get namespace(): string {
    return this.#identity.namespace;
  }
  get name(): string {
    return this.#identity.name;
  }
  get address(): string {
    return this.#identity.address;
  }
  get host(): string {
    return this.#identity.host;
  }
  get port(): number {
    return this.#identity.port;
  }
  get rank(): number {
    return this.#identity.rank;
  }
  get labels(): Readonly<Record<string, string>> {
    return this.#identity.labels;
  }

  get<Value>(attribute: Attribute<Value>): Value | undefined {
    return this.#snapshot.value(attribute, this.#row) as Value | undefined;
  }

  ageMs(attribute: Attribute): number | undefined {
    const age = this.#snapshot.ageMs(attribute, this.#row);
    return Number.isNaN(age) ? undefined : age;
  }
}
