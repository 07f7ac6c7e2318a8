import type { EndpointLoad, LoadLedger } from "./load-ledger.ts";

/** One endpoint that works for a request. */
interface Leg {
  readonly endpointId: string;
  /** Undefined when the endpoint had left the pool before it could be counted. */
  readonly load: EndpointLoad | undefined;
  readonly tokens: number;
}

/** What one request holds in the ledger. Gives everything back once, however often it is asked to. */
export class RequestLoad {
  readonly #ledger: LoadLedger;
  #primary: Leg | undefined;
  #others: Leg[] = [];

  constructor(ledger: LoadLedger) {
    this.#ledger = ledger;
  }

  countPrimary(endpointId: string, tokens: number): void {
    this.#primary = this.#count(endpointId, tokens);
  }

  countOther(endpointId: string, tokens: number): void {
    this.#others.push(this.#count(endpointId, tokens));
  }

  /** The answer has begun: the other legs have done their part, and the primary one runs where it is served. */
  servedBy(endpointId: string): void {
    this.#releaseOthers();
    const leg = this.#primary;
    if (leg === undefined || leg.endpointId === endpointId) return;
    this.#release(leg);
    this.#primary = this.#count(endpointId, leg.tokens);
  }

  release(): void {
    this.#releaseOthers();
    const leg = this.#primary;
    this.#primary = undefined;
    if (leg !== undefined) this.#release(leg);
  }

  #releaseOthers(): void {
    const legs = this.#others;
    if (legs.length === 0) return;
    this.#others = [];
    for (const leg of legs) this.#release(leg);
  }

  #count(endpointId: string, tokens: number): Leg {
    const load = this.#ledger.rowOf(endpointId);
    if (load !== undefined) this.#ledger.add(load, 1, tokens);
    return { endpointId, load, tokens };
  }

  #release({ load, tokens }: Leg): void {
    if (load !== undefined) this.#ledger.add(load, -1, -tokens);
  }
}
