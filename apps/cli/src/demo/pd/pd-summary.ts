import { renderTable } from "../summary.ts";
import type { Stream } from "./pd-traffic.ts";

/** One fleet's answers to the load. */
export interface Measured {
  readonly fleet: string;
  readonly streams: readonly Stream[];
}

/** TTFT and inter-token latency of the same load on several fleets, as a table. */
export function renderPdSummary(measured: readonly Measured[]): string {
  const kinds = [...new Set(measured.flatMap(({ streams }) => streams.map(({ kind }) => kind)))];
  const rows = kinds.flatMap((kind) =>
    measured.map(({ fleet, streams }) => {
      const mine = streams.filter((stream) => stream.kind === kind && stream.failure === undefined);
      const ttft = mine.map(({ ttftMs }) => ttftMs);
      const gaps = mine.flatMap(({ gapsMs }) => gapsMs);
      return [
        kind,
        fleet,
        String(mine.length),
        ...[quantile(ttft, 0.5), quantile(ttft, 0.95), meanOf(gaps), quantile(gaps, 0.99)].map(inMs),
      ];
    }),
  );
  const failed = measured.map(({ fleet, streams }) => {
    const failures = streams.flatMap(({ failure }) => failure ?? []);
    return `${fleet}: ${streams.length} requests, ${failures.length} failed${failures.length > 0 ? ` (${failures[0]})` : ""}`;
  });
  return [
    renderTable([["prompt", "served", "requests", "TTFT p50", "p95", "inter-token mean", "p99"], ...rows]),
    "",
    ...failed,
  ].join("\n");
}

/** The value below which this share of the values lies; NaN without values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function inMs(value: number): string {
  return Number.isNaN(value) ? "–" : `${value.toFixed(0)} ms`;
}
