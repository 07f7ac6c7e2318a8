import type { Ledger } from "./ledger.ts";

/** What one request has in the books of the endpoint that computes its prompt. Ends once, however often it is told to. */
export class Booking {
  readonly #ledger: Ledger;
  readonly #now: number;
  readonly #workMs: number;
  readonly #tokens: number;
  readonly #follows: boolean;
  #endpointId: string;
  #account: ReturnType<Ledger["of"]>;
  #position = 0;

  /** @param follows whether the endpoint that serves is the one that computes the prompt. */
  constructor(
    ledger: Ledger,
    endpointId: string,
    work: { readonly now: number; readonly workMs: number; readonly tokens: number },
    follows: boolean,
  ) {
    this.#ledger = ledger;
    this.#now = work.now;
    this.#workMs = work.workMs;
    this.#tokens = work.tokens;
    this.#follows = follows;
    this.#endpointId = endpointId;
    this.#open();
  }

  /** Another endpoint serves than was picked. */
  moveTo(endpointId: string): void {
    if (!this.#follows || this.#account === undefined || endpointId === this.#endpointId) return;
    this.takeBack();
    this.#endpointId = endpointId;
    this.#open();
  }

  done(durationMs: number): void {
    this.#account?.done(this.#position, this.#tokens, durationMs);
    this.#account = undefined;
  }

  /** Nobody has computed the prompt. */
  takeBack(): void {
    this.#account?.takeBack(this.#workMs, this.#tokens);
    this.#account = undefined;
  }

  #open(): void {
    this.#account = this.#ledger.of(this.#endpointId);
    this.#position = this.#account?.give(this.#now, this.#workMs, this.#tokens) ?? 0;
  }
}
