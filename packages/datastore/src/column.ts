import type { Attribute } from "@pointsman/plugin-api";

/** Values of a published column: numbers for `f64` attributes (`NaN` = unknown), anything else as it was written. */
export type ColumnValues = Float64Array | readonly unknown[];

/**
 * All values of one attribute from one writer: the live side, which writers change in place, and the published side,
 * an immutable copy without stale values that snapshots share until something changes or expires.
 *
 * Numbers that never age are counters of the picker itself, and change with every request. They are published as they
 * are: a scorer should see the requests of this moment, and a copy of the pool per request would cost more than the
 * decision.
 */
export class Column {
  readonly attribute: Attribute;
  readonly #live: boolean;
  #numbers: Float64Array;
  #objects: unknown[];
  /** Milliseconds since the epoch; `NaN` = never written. */
  #writtenAt: Float64Array;
  #allowedAgeMs: Float64Array;
  #published: ColumnValues | undefined;
  #publishedWrittenAt: Float64Array;
  /** The moment when the next published value becomes stale. */
  #publishedUntil = 0;

  constructor(attribute: Attribute, rows: number) {
    this.attribute = attribute;
    this.#live = attribute.kind === "f64" && attribute.maxAgeMs === Number.POSITIVE_INFINITY;
    this.#numbers = new Float64Array(attribute.kind === "f64" ? rows : 0).fill(Number.NaN);
    this.#objects = attribute.kind === "f64" ? [] : new Array(rows).fill(undefined);
    this.#writtenAt = new Float64Array(rows).fill(Number.NaN);
    this.#allowedAgeMs = new Float64Array(rows);
    this.#publishedWrittenAt = this.#writtenAt;
  }

  /**
   * @param intervalMs pause between two writes when a scraper writes; 0 for writes that follow events.
   * @returns true when snapshots that were taken do not show the value.
   */
  write(row: number, value: unknown, now: number, intervalMs: number): boolean {
    if (this.attribute.kind === "f64") this.#numbers[row] = value as number;
    else this.#objects[row] = value;
    this.#writtenAt[row] = now;
    this.#allowedAgeMs[row] = Math.max(this.attribute.maxAgeMs, 3 * intervalMs);
    if (this.#live) return false;
    this.#published = undefined;
    return true;
  }

  /** An immutable copy in which stale and unknown values are `NaN` or undefined. */
  publish(now: number): ColumnValues {
    if (this.#live) {
      this.#publishedUntil = Number.POSITIVE_INFINITY;
      this.#publishedWrittenAt = this.#writtenAt;
      return this.#numbers;
    }
    if (this.#published !== undefined && now <= this.#publishedUntil) return this.#published;
    const rows = this.#writtenAt.length;
    let until = Number.POSITIVE_INFINITY;
    const numeric = this.attribute.kind === "f64";
    const values: Float64Array | unknown[] = numeric ? this.#numbers.slice() : this.#objects.slice();
    for (let row = 0; row < rows; row += 1) {
      const expires = this.#writtenAt[row]! + this.#allowedAgeMs[row]!;
      // The comparison is also false for NaN: never written.
      if (expires >= now) {
        if (expires < until) until = expires;
      } else {
        values[row] = numeric ? Number.NaN : undefined;
      }
    }
    this.#published = values;
    this.#publishedUntil = until;
    this.#publishedWrittenAt = this.#writtenAt.slice();
    return values;
  }

  get publishedUntil(): number {
    return this.#publishedUntil;
  }

  /** When each published value was written; belongs to the last {@link publish}. */
  get publishedWrittenAt(): Float64Array {
    return this.#publishedWrittenAt;
  }

  /** Follows a change of the pool: row `i` takes what row `from[i]` had, or nothing when that is -1. */
  remap(from: Int32Array): void {
    const next = new Column(this.attribute, from.length);
    for (let row = 0; row < from.length; row += 1) {
      const old = from[row]!;
      if (old < 0) continue;
      if (this.attribute.kind === "f64") next.#numbers[row] = this.#numbers[old]!;
      else next.#objects[row] = this.#objects[old];
      next.#writtenAt[row] = this.#writtenAt[old]!;
      next.#allowedAgeMs[row] = this.#allowedAgeMs[old]!;
    }
    this.#numbers = next.#numbers;
    this.#objects = next.#objects;
    this.#writtenAt = next.#writtenAt;
    this.#allowedAgeMs = next.#allowedAgeMs;
    this.#published = undefined;
  }
}
