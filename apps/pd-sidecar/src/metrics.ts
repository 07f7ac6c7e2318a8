import { CappedCounter, CappedGauge, CappedHistogram } from "@pointsman/telemetry";
import { Registry } from "prom-client";

/** Names begin with it. */
export const PREFIX = "llm_d_sidecar_";

/** How a request of the routes that generate ended. */
export type RequestOutcome = "ok" | "error" | "refused" | "aborted";

const LATENCY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** What the sidecar knows by itself, read when somebody scrapes. */
export interface Levels {
  readonly waiting: number;
  readonly decodes: number;
  readonly prefills: number;
  readonly bufferedBytes: number;
  readonly kvClosed: boolean;
}

/** The sidecar's own metrics; the model server's are the model server's. */
export class SidecarMetrics {
  readonly registry = new Registry();
  readonly #requests = this.#counter("requests_total", "Requests of routes that generate, by end", [
    "path",
    "connector",
    "outcome",
  ]);
  readonly #prefill = this.#histogram("prefill_duration_seconds", "Prefill legs that succeeded");
  readonly #ttft = this.#histogram(
    "decode_ttft_seconds",
    "From the decode leg's start to the first bytes of its answer",
  );
  readonly #wait = this.#histogram("queue_wait_seconds", "Time in the queue of requests that had to wait");
  readonly #prefillFailures = this.#counter("prefill_failures_total", "Prefill attempts that failed", ["reason"]);
  readonly #retries = this.#counter("prefill_retries_total", "Further attempts at one prefill server");
  readonly #nextPrefiller = this.#counter("prefill_next_server_total", "Requests handed to another prefill server");
  readonly #fallbacks = this.#counter("prefill_fallback_total", "Requests that the decode server did alone instead");
  readonly #denied = this.#counter("targets_denied_total", "Targets that routing headers named in vain", ["stage"]);
  readonly #rejected = this.#counter("queue_rejections_total", "Requests that were not admitted", ["reason"]);
  readonly #stranded = this.#counter("kv_stranded_total", "Prefills whose blocks nobody fetched", [
    "connector",
    "released",
  ]);

  constructor(levels: () => Levels) {
    const gauge = (name: string, help: string, read: (levels: Levels) => number): void => {
      const made: CappedGauge = new CappedGauge(this.registry, { name: PREFIX + name, help }, () =>
        made.set(read(levels())),
      );
    };
    gauge("queue_depth", "Requests that wait", ({ waiting }) => waiting);
    gauge("decodes_running", "Generations that run", ({ decodes }) => decodes);
    gauge("prefills_running", "Prefill legs that run", ({ prefills }) => prefills);
    gauge("buffered_bytes", "Bytes taken from the buffer budget", ({ bufferedBytes }) => bufferedBytes);
    gauge("kv_gate_closed", "1 while the model server's KV cache is above its mark", ({ kvClosed }) => +kvClosed);
  }

  requestEnded(path: string, connector: string, outcome: RequestOutcome): void {
    this.#requests.inc([path, connector, outcome]);
  }
  prefillTook(ms: number): void {
    this.#prefill.observe(ms / 1_000);
  }
  prefillFailed(reason: string): void {
    this.#prefillFailures.inc([reason]);
  }
  prefillRetried(): void {
    this.#retries.inc();
  }
  prefillMoved(): void {
    this.#nextPrefiller.inc();
  }
  fellBack(): void {
    this.#fallbacks.inc();
  }
  firstBytesTook(ms: number): void {
    this.#ttft.observe(ms / 1_000);
  }
  waited(ms: number): void {
    this.#wait.observe(ms / 1_000);
  }
  targetDenied(stage: "prefill" | "encode" | "kv-source"): void {
    this.#denied.inc([stage]);
  }
  notAdmitted(reason: string): void {
    this.#rejected.inc([reason]);
  }
  stranded(connector: string, released: boolean): void {
    this.#stranded.inc([connector, released ? "yes" : "no"]);
  }

  #counter(name: string, help: string, labels: readonly string[] = []): CappedCounter {
    return new CappedCounter(this.registry, { name: PREFIX + name, help, labels });
  }

  #histogram(name: string, help: string): CappedHistogram {
    return new CappedHistogram(this.registry, { name: PREFIX + name, help }, LATENCY_BUCKETS);
  }
}
