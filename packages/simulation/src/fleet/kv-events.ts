import { seededRandom } from "@pointsman/scheduling";

/** What an engine tells of its prefix cache: one block of the trace was stored or given up. */
export interface BlockEvent {
  readonly kind: "stored" | "removed";
  /** Number of the endpoint in the fleet. */
  readonly endpoint: number;
  readonly block: number;
  /** The block before it in the prompt; undefined for the first one, and for blocks that are given up. */
  readonly parent: number | undefined;
  /** Milliseconds of the run at which it happened. */
  readonly atMs: number;
}

export interface KvEventOptions {
  /** How long an event is under way, in milliseconds. */
  readonly delayMs: number;
  /** Share of the events that never arrive, 0 to 1. */
  readonly loss: number;
  /** Gets each event that arrives, in the order of arrival, before the request that comes next. */
  readonly deliver: (event: BlockEvent) => void;
}

/** Events on their way from the engines to whoever follows them. */
export class KvEventChannel {
  readonly #options: KvEventOptions;
  readonly #random: () => number;
  #underWay: BlockEvent[] = [];

  constructor(options: KvEventOptions, seed: string) {
    this.#options = options;
    this.#random = seededRandom(seed, "kv-events");
  }

  send(event: BlockEvent): void {
    if (this.#options.loss > 0 && this.#random() < this.#options.loss) return;
    this.#underWay.push(event);
  }

  /** Delivers what has arrived by now. */
  advance(untilMs: number): void {
    const { delayMs, deliver } = this.#options;
    if (this.#underWay.length === 0) return;
    // Engines are advanced one after the other: their events come in order only for each of them.
    this.#underWay.sort((a, b) => a.atMs - b.atMs);
    const later = this.#underWay.findIndex(({ atMs }) => atMs + delayMs > untilMs);
    const arrived = this.#underWay.splice(0, later < 0 ? this.#underWay.length : later);
    for (const event of arrived) deliver(event);
  }
}
