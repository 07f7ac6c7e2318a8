import type { DecisionReport } from "@pointsman/epp";
import { decidingScorer } from "./decision-line.ts";
import type { Answered } from "./traffic.ts";

/** The table at the end of `pointsman demo --once`. */
export function renderSummary(
  answers: readonly Answered[],
  reports: readonly DecisionReport[],
  servers: readonly string[],
): string {
  const served = answers.filter(({ ok }) => ok);
  const rows = servers.map((server) => {
    const mine = served.filter((answer) => answer.server === server);
    const mean = mine.reduce((sum, { ttftMs }) => sum + ttftMs, 0) / mine.length;
    return [
      server,
      String(mine.length),
      `${((100 * mine.length) / Math.max(1, served.length)).toFixed(0)} %`,
      mine.length === 0 ? "–" : `${mean.toFixed(1)} ms`,
    ];
  });
  const decided = new Map<string, number>();
  for (const report of reports) {
    if (report.decision === null || report.decision.picked.length === 0) continue;
    const scorer = decidingScorer(report) ?? "tie, decided by chance";
    decided.set(scorer, (decided.get(scorer) ?? 0) + 1);
  }
  const scorers = [...decided].sort((a, b) => b[1] - a[1]).map(([scorer, count]) => [scorer, String(count)]);
  const refused = answers.filter(({ ok }) => !ok);
  return [
    renderTable([["endpoint", "requests", "share", "mean TTFT"], ...rows]),
    "",
    renderTable([["decided by", "requests"], ...scorers]),
    "",
    `${answers.length} requests, ${served.length} served, ${refused.length} refused (${[...new Set(refused.map(({ status }) => status))].join(", ") || "none"})`,
  ].join("\n");
}

/** A table with a line below its head; all columns but the first are right-aligned. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join("   ");
  const [head, ...body] = rows.map(line);
  return [head, "─".repeat(head?.length ?? 0), ...body].join("\n");
}
