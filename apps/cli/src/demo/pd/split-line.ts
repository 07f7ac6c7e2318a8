import type { DecisionReport } from "@pointsman/epp";

/** One line for a person who watches: where a request was prefilled and decoded, and why it was split or not. */
export function splitLine(report: DecisionReport, nameOf: (address: string) => string): string {
  const time = report.at.slice(11, 23);
  const { decision, refusal } = report;
  if (decision === null || refusal !== null)
    return `${time}  ✗ ${refusal?.status ?? ""} ${refusal?.message ?? "refused"}`;
  const pickOf = (name: string): string | undefined =>
    decision.profiles.find(({ profile }) => profile === name)?.picked[0];
  const prefill = pickOf("prefill");
  const decode = nameOf(decision.picked[0] ?? "");
  const where = prefill === undefined ? `${" ".repeat(12)}${decode}` : `${nameOf(prefill)} → ${decode}`;
  const reason = decision.stages.findLast(({ stage }) => stage === "prefill")?.text ?? "";
  const readable = reason.replace(/\d+\.\d+\.\d+\.\d+:\d+/g, nameOf);
  return `${time}  ${prefill === undefined ? "whole" : "split"}  ${where.padEnd(21)}  ${readable.replace(/^(not run|runs): /, "")}`;
}
