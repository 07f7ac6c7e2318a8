import type { Attributes, Clock, EndpointSink, EndpointSpec, Logger } from "@pointsman/plugin-api";
import type { PodEndpoints } from "./endpoints-of.ts";
import { PodAnnotations } from "./keys.ts";

export interface PublisherOptions {
  readonly sink: EndpointSink;
  readonly attributes: Attributes;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Shortest time between two sets. */
  readonly pauseMs: number;
}

/**
 * Hands sets of endpoints over: at once after a quiet time, otherwise at most one in `pauseMs`, always the latest.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  #compute: (() => PodEndpoints) | undefined;
  #waiting = false;
  #lastAt = Number.NEGATIVE_INFINITY;
  #annotations: PodEndpoints["annotations"] = new Map();
  #complaints = new Set<string>();
  #total = -1;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** @param compute called when the set is handed over, with whatever is known by then */
  soon(compute: () => PodEndpoints): void {
    this.#compute = compute;
    if (this.#waiting) return;
    this.#waiting = true;
    const { clock, pauseMs, signal } = this.#options;
    const wait = Math.max(0, this.#lastAt + pauseMs - clock.now());
    // A clock that was set back must not stop us.
    clock.sleep(Math.min(wait, pauseMs), signal).then(
      () => this.flush(),
      () => {},
    );
  }

  /** Hands over what waits, now. */
  flush(): void {
    const { attributes, clock, log, signal, sink } = this.#options;
    this.#waiting = false;
    const compute = this.#compute;
    this.#compute = undefined;
    if (compute === undefined || signal.aborted) return;
    this.#lastAt = clock.now();
    const { specs, annotations, complaints } = compute();
    try {
      sink.replace(specs);
    } catch (error) {
      log.error("the endpoints cannot be applied; they stay as they were", { error: (error as Error).message });
      return;
    }
    this.#publishAnnotations(annotations, attributes);
    this.#complain(complaints);
    this.#tell(specs);
  }

  #publishAnnotations(annotations: PodEndpoints["annotations"], attributes: Attributes): void {
    const before = this.#annotations;
    for (const [id, value] of annotations) {
      if (before.get(id) !== value) attributes.set(id, PodAnnotations, value);
    }
    for (const id of before.keys()) if (!annotations.has(id)) attributes.set(id, PodAnnotations, {});
    this.#annotations = annotations;
  }

  /** Each complaint once, as long as it lasts. */
  #complain(complaints: readonly string[]): void {
    for (const text of complaints) if (!this.#complaints.has(text)) this.#options.log.warn(text);
    this.#complaints = new Set(complaints);
  }

  #tell(specs: readonly EndpointSpec[]): void {
    if (specs.length === this.#total) return;
    this.#options.log.info("endpoints changed", { total: specs.length, before: Math.max(0, this.#total) });
    this.#total = specs.length;
  }
}
