import type { ReplayReport } from "./replay-report.ts";
import type { ReplayResult } from "./replay-result.ts";

const columns: readonly (readonly [heading: string, cell: (result: ReplayResult) => string])[] = [
  ["config", ({ name }) => name],
  ["hit", ({ hitShare }) => percent(hitShare)],
  ["of ceiling", ({ hitShare, hitCeiling }) => (hitCeiling === 0 ? "-" : (hitShare / hitCeiling).toFixed(3))],
  ["TTFT mean", ({ ttftMs }) => milliseconds(ttftMs.mean)],
  ["p50", ({ ttftMs }) => milliseconds(ttftMs.p50)],
  ["p95", ({ ttftMs }) => milliseconds(ttftMs.p95)],
  ["p99", ({ ttftMs }) => milliseconds(ttftMs.p99)],
  ["load max/mean", ({ loadMaxOverMean }) => loadMaxOverMean.toFixed(3)],
  ["requests", ({ requestsMaxOverMean }) => requestsMaxOverMean.toFixed(3)],
  ["60 s windows", ({ windowLoadMaxOverMean }) => windowLoadMaxOverMean.toFixed(3)],
  ["refused", ({ refused }) => String(refused)],
  ["took", ({ seconds }) => `${seconds.toFixed(1)} s`],
];

/** The report as a table for a terminal. */
export function renderTextReport({ trace, requests, speed, fleet, results }: ReplayReport): string {
  const rows = [
    columns.map(([heading]) => heading),
    ...results.map((result) => columns.map(([, cell]) => cell(result))),
  ];
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const table = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "),
  );
  const { blocks } = fleet.servers.at(-1)!;
  const ceiling = results[0]?.hitCeiling ?? 0;
  return [
    `${trace}: ${requests} requests at ${speed}× to ${fleet.servers.length} endpoints with ${blocks === 0 ? "unlimited" : blocks} blocks each; one cache of all together would hit ${percent(ceiling)}`,
    "",
    ...table,
    "",
    "hit: share of block references found in the endpoints' caches. load: uncached prompt tokens (per speed), most of",
    "one endpoint over the mean; beside it the same over requests, and over tokens within windows of 60 s (mean).",
    ...results.flatMap(({ name, faults }) =>
      faults.map(
        ({ instance, capability, errors, lastError }) =>
          `! ${name}: ${instance} (${capability}) failed ${errors} times, last: ${lastError}`,
      ),
    ),
    "",
  ].join("\n");
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

function milliseconds(ms: number): string {
  return ms >= 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms)} ms`;
}
