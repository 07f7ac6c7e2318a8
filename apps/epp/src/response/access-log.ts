import type { AccessLogEntry, AccessLogSink } from "@pointsman/ext-proc";
import type { EppMetrics, RequestLabels } from "@pointsman/telemetry";

/** `auto`: requests are noted down only while a proxy sends its log. */
export type AccessLogMode = "on" | "off" | "auto";

/** How long after its stream a request may wait for its entry, in milliseconds; Envoy flushes within a second. */
const LATEST_ENTRY_MS = 10_000;
/** Requests that have ended and wait for their entry; the oldest are given up first. */
const MOST_LATE = 20_000;

/** One routed request, until both its stream has ended and its entry has come. */
export interface AwaitedEntry {
  readonly requestId: string;
  readonly labels: RequestLabels;
  readonly streaming: boolean;
  /** Told when the entry comes, which may be after the end. */
  readonly onEntry: (entry: AccessLogEntry) => void;
  /** Set at the end of the request's stream: tokens of the answer when they were counted, and whether its body was seen. */
  end: { readonly outputTokens: number | undefined; readonly bodySeen: boolean } | undefined;
  entry: AccessLogEntry | undefined;
}

/**
 * Latencies, sizes and ends of answers from the proxy's access log: one entry for each request, no byte of an answer
 * passes the picker for it. What is in flight is none of its business: a lost entry is a missing observation.
 */
export class AccessLog implements AccessLogSink {
  readonly #mode: "on" | "auto";
  readonly #metrics: EppMetrics;
  readonly #awaited = new Map<string, AwaitedEntry>();
  /** Those of them that have ended, in the order of their ends, with the time of it. */
  readonly #late = new Map<AwaitedEntry, number>();
  #proxies = 0;

  constructor(mode: "on" | "auto", metrics: EppMetrics) {
    this.#mode = mode;
    this.#metrics = metrics;
  }

  /** Requests whose entry or end has not come. */
  get awaited(): number {
    return this.#awaited.size;
  }

  opened(): void {
    this.#proxies += 1;
  }

  closed(): void {
    this.#proxies -= 1;
  }

  /** A request was routed; undefined when no entry is to be expected. Ids that clients repeat: the last one counts. */
  expect(request: Omit<AwaitedEntry, "end" | "entry">): AwaitedEntry | undefined {
    if (this.#mode === "auto" && this.#proxies === 0) return undefined;
    const awaited: AwaitedEntry = { ...request, end: undefined, entry: undefined };
    this.#awaited.set(request.requestId, awaited);
    return awaited;
  }

  entry(entry: AccessLogEntry): void {
    const awaited = this.#awaited.get(entry.requestId);
    this.#metrics.accessLogEntries.inc([awaited === undefined ? "other" : "routed"]);
    if (awaited === undefined || awaited.entry !== undefined) return;
    awaited.entry = entry;
    const { labels, streaming } = awaited;
    this.#metrics.answerEnds.inc([...labels, endOf(entry.details)]);
    if (entry.firstByteMs !== undefined) {
      this.#metrics.firstByte.observe(entry.firstByteMs / 1_000, [...labels, String(streaming)]);
    }
    awaited.onEntry(entry);
    if (awaited.end !== undefined) this.#complete(awaited);
  }

  /** The stream of an awaited request has ended. */
  ended(awaited: AwaitedEntry, end: NonNullable<AwaitedEntry["end"]>): void {
    awaited.end = end;
    if (awaited.entry !== undefined) this.#complete(awaited);
    else this.#wait(awaited);
  }

  #wait(awaited: AwaitedEntry): void {
    const now = performance.now();
    this.#late.set(awaited, now);
    for (const [oldest, since] of this.#late) {
      if (this.#late.size <= MOST_LATE && now - since < LATEST_ENTRY_MS) break;
      this.#forget(oldest);
    }
  }

  #forget(awaited: AwaitedEntry): void {
    this.#late.delete(awaited);
    if (this.#awaited.get(awaited.requestId) === awaited) this.#awaited.delete(awaited.requestId);
  }

  /** Stream and entry have both ended: what needs both. */
  #complete(awaited: AwaitedEntry): void {
    this.#forget(awaited);
    const { labels, streaming } = awaited;
    const { firstByteMs, durationMs, responseBytes } = awaited.entry!;
    const { outputTokens = 0, bodySeen } = awaited.end!;
    if (!bodySeen) this.#metrics.responseSize.observe(responseBytes, labels);
    if (durationMs === undefined || outputTokens === 0) return;
    this.#metrics.perToken.observe(durationMs / 1_000 / outputTokens, labels);
    if (!streaming || outputTokens < 2 || firstByteMs === undefined) return;
    this.#metrics.perStreamedToken.observe((durationMs - firstByteMs) / 1_000 / (outputTokens - 1), labels);
  }
}

/** Why an exchange ended, as a label: Envoy's details name filters, routes and causes, which would be many series. */
export function endOf(details: string): string {
  if (details === "via_upstream") return "complete";
  if (details.startsWith("downstream_")) return "client-gone";
  if (details.includes("timeout")) return "timeout";
  if (details.startsWith("upstream_") || details === "no_healthy_upstream") return "upstream-failed";
  return "other";
}
