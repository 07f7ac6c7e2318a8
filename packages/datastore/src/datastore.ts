import type { Attribute, EndpointChange, EndpointSpec } from "@pointsman/plugin-api";
import { AttributeSlots } from "./attribute-slots.ts";
import { Column } from "./column.ts";
import { type EndpointIdentity, isSameEndpoint, parseEndpointSet } from "./endpoint-identity.ts";
import { type Roster, Snapshot } from "./snapshot.ts";

export interface DatastoreOptions {
  /** Wall clock in milliseconds since the epoch. */
  readonly now: () => number;
}

/** What a writer says about its values. */
export interface WriteOptions {
  /** Instance that writes. */
  readonly writer: string;
  /** The pause between two scrapes when a scraper writes: data may then be three pauses old. */
  readonly intervalMs?: number;
}

/**
 * The pool: which endpoints exist and what is known about them. Writers publish at any time; readers take a
 * {@link Snapshot}, which never changes. Belongs to the host and outlives reloads of plugins.
 */
export class Datastore {
  readonly #now: () => number;
  readonly #slots = new AttributeSlots();
  readonly #columns: Column[] = [];
  readonly #listeners = new Set<(change: EndpointChange) => void>();
  #roster: Roster = createRoster([]);
  #ready = new Uint8Array(0);
  #updatedAt = new Float64Array(0);
  #snapshot: Snapshot | undefined;
  #loaded = false;

  constructor(options: DatastoreOptions) {
    this.#now = options.now;
  }

  /** Declares that an instance writes an attribute. Idempotent. */
  bind(attribute: Attribute, writer: string): void {
    const slot = this.#slots.bind(attribute, writer);
    if (slot === this.#columns.length) this.#columns.push(new Column(attribute, this.#roster.identities.length));
    this.#snapshot = undefined;
  }

  /** Says which bound writers count from now on; see {@link AttributeSlots.useWriters}. */
  useWriters(writers: readonly { readonly key: string; readonly writer: string }[]): void {
    this.#slots.useWriters(writers);
    this.#snapshot = undefined;
  }

  /**
   * Replaces the set of endpoints atomically. Endpoints that stay (same id, same address) keep their attributes.
   * @throws TypeError when an entry is malformed or two share an id or an address; nothing changes then.
   */
  replace(specs: readonly EndpointSpec[]): void {
    const before = this.#roster.identities;
    const next = parseEndpointSet(specs);
    const from = new Int32Array(next.length).fill(-1);
    next.forEach((identity, row) => {
      const old = this.#roster.rowById.get(identity.id);
      if (old !== undefined && isSameEndpoint(before[old]!, identity)) from[row] = old;
    });
    const stayed = new Set(from);
    const previous = this.snapshot();
    for (const column of this.#columns) column.remap(from);
    this.#ready = Uint8Array.from(from, (old) => (old < 0 ? 1 : this.#ready[old]!));
    this.#updatedAt = Float64Array.from(from, (old) => (old < 0 ? Number.NaN : this.#updatedAt[old]!));
    this.#roster = createRoster(next);
    this.#snapshot = undefined;
    this.#loaded = true;
    const current = this.snapshot();
    const change: EndpointChange = {
      added: current.endpoints.filter((_, row) => from[row]! < 0),
      removed: previous.endpoints.filter((_, row) => !stayed.has(row)),
    };
    if (change.added.length === 0 && change.removed.length === 0) return;
    for (const listener of [...this.#listeners]) listener(change);
  }

  /** True once a first set of endpoints (maybe empty) was given. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /**
   * Publishes a value. Returns false when the endpoint is not in the pool or the attribute was never bound. The value
   * is handed over: snapshots share it.
   * @throws TypeError when the value is not of the attribute's kind.
   */
  write(endpointId: string, attribute: Attribute, value: unknown, options: WriteOptions): boolean {
    assertKind(attribute, value);
    const row = this.#roster.rowById.get(endpointId);
    const slot = this.#slots.slotOf(`${attribute.key}#${options.writer}`);
    if (row === undefined || slot === undefined) return false;
    const now = this.#now();
    const outdated = this.#columns[slot]!.write(row, value, now, options.intervalMs ?? 0);
    if (options.intervalMs !== undefined) this.#updatedAt[row] = now;
    if (outdated) this.#snapshot = undefined;
    return true;
  }

  /** Says whether an endpoint may receive requests. Returns false when it is not in the pool. */
  setReady(endpointId: string, ready: boolean): boolean {
    const row = this.#roster.rowById.get(endpointId);
    if (row === undefined) return false;
    const flag = ready ? 1 : 0;
    if (this.#ready[row] !== flag) {
      this.#ready[row] = flag;
      this.#snapshot = undefined;
    }
    return true;
  }

  /** The pool as it is now. The same object as before when nothing was written and nothing expired. */
  snapshot(): Snapshot {
    const now = this.#now();
    if (this.#snapshot !== undefined && now <= this.#snapshot.validUntil) return this.#snapshot;
    this.#snapshot = new Snapshot({
      roster: this.#roster,
      takenAt: now,
      now: this.#now,
      slots: this.#slots,
      columns: this.#columns,
      ready: this.#ready.slice(),
      updatedAt: this.#updatedAt.slice(),
    });
    return this.#snapshot;
  }

  /**
   * Calls back after endpoints joined or left; one whose address changed did both. Returns a function that
   * unsubscribes. A listener must not throw: {@link replace} would fail after the change.
   */
  onChange(listener: (change: EndpointChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function createRoster(identities: readonly EndpointIdentity[]): Roster {
  return {
    identities,
    rowByAddress: new Map(identities.map(({ address }, row) => [address, row])),
    rowById: new Map(identities.map(({ id }, row) => [id, row])),
  };
}

function assertKind(attribute: Attribute, value: unknown): void {
  const { kind } = attribute;
  const fits =
    kind === "f64"
      ? typeof value === "number"
      : kind === "string"
        ? typeof value === "string"
        : kind === "set"
          ? value instanceof Set
          : true;
  if (!fits) throw new TypeError(`attribute ${attribute.key} holds ${kind} values, got ${typeof value}`);
}
