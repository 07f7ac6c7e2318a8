/**
 * Small numbers for endpoint ids. A number is given again only after its endpoint has left and everything recorded
 * for it is gone.
 */
export class EndpointNumbers {
  /** Numbers from here on were never given. */
  used = 0;
  /** Bit by number: present, and not leaving. */
  readonly visible: Int32Array;
  readonly #max: number;
  readonly #byId = new Map<string, number>();
  readonly #ids: (string | undefined)[] = [];
  #leaving: number[] = [];
  #free: number[] = [];

  constructor(max: number) {
    this.#max = max;
    this.visible = new Int32Array(Math.ceil(max / 32));
  }

  get size(): number {
    return this.#byId.size;
  }

  /** -1 for an id that has none. */
  of(id: string): number {
    return this.#byId.get(id) ?? -1;
  }

  /** Undefined for a number that nobody has, or whose endpoint has left. */
  idOf(number: number): string | undefined {
    return this.#ids[number];
  }

  /** The number of an id, given now if it has none; -1 when all are taken. */
  join(id: string): number {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const number = this.#free.pop() ?? (this.used < this.#max ? this.used++ : -1);
    if (number < 0) return number;
    this.#byId.set(id, number);
    this.#ids[number] = id;
    this.visible[number >>> 5]! |= 1 << (number & 31);
    return number;
  }

  /** The id has its number no longer; it stays taken until it is freed. Returns it, -1 when there was none. */
  leave(id: string): number {
    const number = this.of(id);
    if (number < 0) return number;
    this.#byId.delete(id);
    this.#ids[number] = undefined;
    this.visible[number >>> 5]! &= ~(1 << (number & 31));
    this.#leaving.push(number);
    return number;
  }

  isLeaving(number: number): boolean {
    return (this.visible[number >>> 5]! & (1 << (number & 31))) === 0;
  }

  /** A number whose endpoint has left, -1 when there is none. */
  leaving(): number {
    return this.#leaving.at(-1) ?? -1;
  }

  /** Numbers whose endpoints have left and that are not free yet, the oldest first. */
  get leavingNumbers(): readonly number[] {
    return this.#leaving;
  }

  /** Nothing is recorded any more for the `count` numbers that left first. */
  freeOldest(count: number): void {
    this.#free.push(...this.#leaving.splice(0, count));
  }

  /** Nothing is recorded any more for the number that {@link leaving} gave. */
  free(number: number): void {
    this.#leaving.pop();
    this.#free.push(number);
  }

  ids(): string[] {
    return [...this.#byId.keys()];
  }

  clear(): void {
    this.used = 0;
    this.visible.fill(0);
    this.#byId.clear();
    this.#ids.length = 0;
    this.#leaving = [];
    this.#free = [];
  }
}
