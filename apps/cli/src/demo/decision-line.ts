import type { DecisionReport } from "@pointsman/epp";

/** Which scorer made the difference between the picked endpoint and the best other one; undefined when none did. */
export function decidingScorer(report: DecisionReport): string | undefined {
  const profile = report.decision?.profiles.find(({ profile }) => profile === report.decision?.primary);
  if (profile === undefined) return undefined;
  const picked = profile.candidates.find(({ endpoint }) => endpoint === profile.picked[0]);
  const rival = profile.candidates.find(({ endpoint }) => endpoint !== profile.picked[0]);
  if (picked === undefined || rival === undefined) return undefined;
  let best: string | undefined;
  let margin = 1e-9;
  picked.scores.forEach(({ scorer, added }, i) => {
    const lead = added - rival.scores[i]!.added;
    if (lead <= margin) return;
    best = scorer;
    margin = lead;
  });
  return best;
}

/** One line for a person who watches: where the request went, what each scorer said of that place, and why there. */
export function decisionLine(report: DecisionReport, nameOf: (address: string) => string): string {
  const { decision } = report;
  const time = report.at.slice(11, 23);
  const what = report.model === "" ? report.api : report.model;
  if (report.refusal !== null || decision === null) {
    const { status, message } = report.refusal ?? { status: 0, message: "refused" };
    return `${time}  ${what.padEnd(12)} ✗ ${status} ${message}`;
  }
  const profile = decision.profiles[0];
  const picked = profile?.candidates.find(({ endpoint }) => endpoint === decision.picked[0]);
  const scores = (picked?.scores ?? [])
    .map(
      ({ scorer, score, weight }) =>
        `${scorer.replace(/-scorer$/, "")} ${score === null ? "–" : score.toFixed(2)}×${weight}`,
    )
    .join(" · ");
  const why = decidingScorer(report);
  const reason = why ?? ((profile?.tied ?? 0) > 1 ? `tie of ${profile?.tied}` : "only candidate");
  return `${time}  ${what.padEnd(12)} → ${nameOf(decision.picked[0] ?? "").padEnd(6)} ${scores}  (${reason})`;
}
