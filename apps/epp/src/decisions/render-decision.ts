import type { ProfileDescription } from "@pointsman/scheduling";
import type { DecisionReport } from "./decision-record.ts";

const MAX_CANDIDATES = 20;

/** A decision as text for a terminal: what was removed and why, who scored what, who was picked and who served. */
export function renderDecision(report: DecisionReport): string {
  const { decision } = report;
  const lines = [
    `request   ${report.requestId}`,
    `arrived   ${report.at}, decided in ${report.decidedInMs.toFixed(2)} ms (scheduling ${report.schedulingMs.toFixed(2)} ms)`,
    `asked     ${describeModel(report)} (${report.api}), priority ${report.priority}`,
  ];
  if (report.refusal !== null) {
    lines.push(`refused   ${report.refusal.status} ${report.refusal.code}: ${report.refusal.message}`);
  }
  for (const { stage, text } of decision?.stages ?? []) lines.push(`${stage.padEnd(9)} ${text}`);
  for (const profile of decision?.profiles ?? []) lines.push("", ...renderProfile(profile, report));
  if (decision !== null && decision.picked.length > 0) {
    lines.push("", `picked    ${decision.picked.join(", then ")}`);
    lines.push(
      `served    ${report.served ?? "nobody yet"}${report.status === null ? "" : ` with status ${report.status}`}`,
    );
  }
  if (report.outcome !== null) lines.push(`ended     ${report.outcome}`);
  return `${lines.join("\n")}\n`;
}

function describeModel({ model, targetModel }: DecisionReport): string {
  if (model === "") return "no model";
  return model === targetModel ? model : `${model}, rewritten to ${targetModel}`;
}

function renderProfile(profile: ProfileDescription, { dataAgeMs }: DecisionReport): string[] {
  const lines = [`profile ${profile.profile}`];
  for (const { filter, endpoints } of profile.removals) {
    lines.push(`  ${filter} removed ${endpoints.length}: ${endpoints.slice(0, MAX_CANDIDATES).join(", ")}`);
  }
  const scorers = profile.candidates[0]?.scores.map(({ scorer, weight }) => `${scorer} × ${weight}`) ?? [];
  if (profile.candidates.length > 0) {
    const rows = profile.candidates
      .slice(0, MAX_CANDIDATES)
      .map((candidate) => [
        profile.picked[0] === candidate.endpoint ? `→ ${candidate.endpoint}` : `  ${candidate.endpoint}`,
        ...candidate.scores.map(
          ({ score, added }) => `${score === null ? "abstains" : score.toFixed(3)} (+${added.toFixed(3)})`,
        ),
        candidate.total.toFixed(3),
        ageOf(dataAgeMs[candidate.endpoint]),
      ]);
    lines.push(...table([["  endpoint", ...scorers, "total", "data age"], ...rows]).map((line) => `  ${line}`));
    const hidden = profile.candidates.length - rows.length;
    if (hidden > 0) lines.push(`    … and ${hidden} more`);
  }
  if (profile.tied > 1)
    lines.push(`  ${profile.tied} endpoints shared the highest total; ${profile.picker} chose among them`);
  return lines;
}

function ageOf(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? "never scraped" : `${ms} ms`;
}

/** Columns of equal width. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}
