import { Attempt, type AttemptOutcome, type UpstreamRequest } from "./attempt.ts";
import type { UpstreamPools } from "./upstream-pools.ts";

export type DeliveryOutcome =
  | Extract<AttemptOutcome, { kind: "reset" | "unsendable" | "aborted" }>
  | (Extract<AttemptOutcome, { kind: "response" }> & { readonly served: string })
  /** Nobody is left to ask. */
  | { readonly kind: "exhausted" };

/** Brings one request to the first server of a list that takes it. */
export class Delivery {
  readonly #pools: UpstreamPools;
  readonly #retried: () => void;
  #attempt: Attempt | undefined;
  #aborted = false;

  constructor(pools: UpstreamPools, retried: () => void) {
    this.#pools = pools;
    this.#retried = retried;
  }

  /**
   * Tries the addresses in order. Only an attempt that sent nothing is followed by the next: a request that was sent
   * may have been carried out.
   */
  async run(request: UpstreamRequest, addresses: Iterable<string>): Promise<DeliveryOutcome> {
    let tried = 0;
    for (const address of addresses) {
      if (this.#aborted) break;
      if (tried++ > 0) this.#retried();
      this.#attempt = new Attempt(this.#pools.get(address), request);
      const outcome = await this.#attempt.outcome;
      if (outcome.kind === "response") return { ...outcome, served: address };
      if (outcome.kind !== "unsent") return outcome;
    }
    return this.#aborted ? { kind: "aborted" } : { kind: "exhausted" };
  }

  abort(): void {
    this.#aborted = true;
    this.#attempt?.abort();
  }
}
