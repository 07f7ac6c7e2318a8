export interface SessionTableLimits {
  /** Milliseconds after its last use at which a session is forgotten. */
  readonly ttlMs: number;
  readonly maxSessions: number;
}

interface Binding {
  endpointId: string;
  usedAt: number;
}

/** Which endpoint a session is bound to. Bounded: the least recently used session goes first. */
export class SessionTable {
  readonly #limits: SessionTableLimits;
  /** Least recently used first. */
  readonly #bindings: Map<string, Binding>;

  /** @param previous a table whose sessions go on in this one. */
  constructor(limits: SessionTableLimits, previous?: SessionTable) {
    this.#limits = limits;
    this.#bindings = previous === undefined ? new Map() : previous.#bindings;
    this.#evict();
  }

  get size(): number {
    return this.#bindings.size;
  }

  /** The endpoint of a session; undefined when it has none or was not used for too long. */
  endpointOf(session: string, now: number): string | undefined {
    const binding = this.#bindings.get(session);
    return binding === undefined || this.#isExpired(binding, now) ? undefined : binding.endpointId;
  }

  /** Binds a session, or marks it as used when it is bound to this endpoint already. */
  bind(session: string, endpointId: string, now: number): void {
    const binding = this.#bindings.get(session) ?? { endpointId, usedAt: now };
    binding.endpointId = endpointId;
    binding.usedAt = now;
    this.#bindings.delete(session);
    this.#bindings.set(session, binding);
    this.#evict();
  }

  unbind(session: string): void {
    this.#bindings.delete(session);
  }

  /** Forgets what has expired. Ends at the first session that has not: the others were used later. */
  sweep(now: number): void {
    for (const [session, binding] of this.#bindings) {
      if (!this.#isExpired(binding, now)) return;
      this.#bindings.delete(session);
    }
  }

  #isExpired(binding: Binding, now: number): boolean {
    return now - binding.usedAt > this.#limits.ttlMs;
  }

  #evict(): void {
    while (this.#bindings.size > this.#limits.maxSessions) {
      const oldest = this.#bindings.keys().next();
      if (oldest.done) return;
      this.#bindings.delete(oldest.value);
    }
  }
}
