import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { HostLogger } from "../logger.ts";

/** A collector that is away is not news every five seconds. */
const REPORT_EVERY_MS = 60_000;

/** Logs what the SDK would drop silently: spans that could not be exported. At most once a minute, and when it works again. */
export class ReportedExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #log: HostLogger;
  readonly #now: () => number;
  #lost = 0;
  #failing = false;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(exporter: SpanExporter, log: HostLogger, now: () => number = Date.now) {
    this.#exporter = exporter;
    this.#log = log;
    this.#now = now;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, (result) => {
      if (result.code === ExportResultCode.FAILED) this.#failed(countOf(spans), result.error);
      else this.#worked();
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush?.() ?? Promise.resolve();
  }

  #failed(spans: number, error: Error | undefined): void {
    this.#lost += spans;
    this.#failing = true;
    if (this.#now() - this.#reportedAt < REPORT_EVERY_MS) return;
    this.#reportedAt = this.#now();
    this.#log.warn("spans cannot be exported", { spans: this.#lost, error: error?.message ?? "unknown" });
    this.#lost = 0;
  }

  #worked(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#reportedAt = Number.NEGATIVE_INFINITY;
    this.#log.info("spans are exported again", { lost: this.#lost });
    this.#lost = 0;
  }
}

/** Encoded spans come several in one piece. */
function countOf(spans: readonly (ReadableSpan & { readonly count?: number })[]): number {
  return spans.reduce((sum, { count = 1 }) => sum + count, 0);
}
