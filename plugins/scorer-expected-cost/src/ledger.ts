import type { Endpoint } from "@pointsman/plugin-api";
import { Account } from "./account.ts";

/**
 * One account per endpoint of the pool. Loads fade with the number of requests, not with time: a quiet night does not
 * wipe out who has worked how much, and a busy minute does not count for more than it was.
 */
export class Ledger {
  readonly #accounts = new Map<string, Account>();
  #window = 1;

  /** Sets after how many requests per endpoint a load has faded to 1/e. */
  fadeOver(requests: number): void {
    this.#window = requests;
  }

  /** Takes over the pool as it is; endpoints that have an account keep it. */
  followPool(endpoints: readonly Endpoint[]): void {
    const ids = new Set(endpoints.map(({ id }) => id));
    for (const id of [...this.#accounts.keys()]) if (!ids.has(id)) this.leave(id);
    for (const { id } of endpoints) if (!this.#accounts.has(id)) this.join(id);
  }

  /** A newcomer starts with the mean load: with none it would get everything until it had caught up. */
  join(endpointId: string): void {
    let sum = 0;
    for (const { loadMs } of this.#accounts.values()) sum += loadMs;
    this.#accounts.set(endpointId, new Account(this.#accounts.size === 0 ? 0 : sum / this.#accounts.size));
  }

  leave(endpointId: string): void {
    this.#accounts.delete(endpointId);
  }

  /** Undefined for an endpoint outside the pool. */
  of(endpointId: string): Account | undefined {
    return this.#accounts.get(endpointId);
  }

  /** Another request was routed: all loads fade a little. */
  fade(): void {
    const kept = Math.exp(-1 / (this.#window * Math.max(1, this.#accounts.size)));
    for (const account of this.#accounts.values()) account.loadMs *= kept;
  }
}
