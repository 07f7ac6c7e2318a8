import type { Clock, Logger, Metrics } from "@pointsman/plugin-api";
import type { ApiError } from "./api-error.ts";

const REFRESH_MS = 1_000;

/**
 * Whether the API server answers, told to people: each distinct problem is logged once, its end too, and a gauge says for
 * how long the endpoints have been last known ones.
 */
export class Contact {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #errors: ReturnType<Metrics["counter"]>;
  /** What is wrong, by what was watched. */
  readonly #problems = new Map<string, { readonly since: number; readonly message: string }>();

  constructor({ log, clock, metrics }: { log: Logger; clock: Clock; metrics: Metrics }) {
    this.#log = log;
    this.#clock = clock;
    this.#errors = metrics.counter({
      name: "kubernetes_errors_total",
      help: "Calls to the Kubernetes API server that failed.",
      labels: ["resource", "verb", "kind"],
    });
    const age = metrics.gauge({
      name: "kubernetes_staleness_seconds",
      help: "For how long the API server has not told what there is; 0 while it does.",
    });
    const refresh = (): void => age.set(this.staleSeconds);
    refresh();
    clock.every(REFRESH_MS, refresh);
  }

  /** Seconds since contact was lost; 0 while there is contact. */
  get staleSeconds(): number {
    let since = Number.POSITIVE_INFINITY;
    for (const problem of this.#problems.values()) since = Math.min(since, problem.since);
    return since === Number.POSITIVE_INFINITY ? 0 : Math.max(0, this.#clock.now() - since) / 1_000;
  }

  /** @param problem undefined when all is well */
  report(resource: string, problem: ApiError | undefined): void {
    const before = this.#problems.get(resource);
    if (problem === undefined) {
      if (before === undefined) return;
      this.#problems.delete(resource);
      this.#log.info("the Kubernetes API server tells again", { resource });
      return;
    }
    this.#errors.inc({ resource, verb: problem.attempt.verb, kind: problem.kind });
    this.#problems.set(resource, { since: before?.since ?? this.#clock.now(), message: problem.message });
    if (before?.message === problem.message) return;
    this.#log.warn(`${problem.message}; what is known stays as it is`, { kind: problem.kind });
  }

  /** Nobody watches this any more. */
  forget(resource: string): void {
    this.#problems.delete(resource);
  }
}
