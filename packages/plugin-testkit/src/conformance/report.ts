import { type RuleId, ruleText } from "./rule-catalogue.ts";

/** One rule and what came of it. */
export interface RuleResult {
  readonly id: RuleId;
  readonly title: string;
  /** The plugin type it is about; undefined for rules about the package. */
  readonly type: string | undefined;
  readonly status: "passed" | "failed" | "skipped";
  /** Failed: what was found and how to mend it. Skipped: why. Passed: empty, or something worth knowing. */
  readonly message: string;
  /** Skipped, but with more options it could be checked; the message says which. */
  readonly lacking: boolean;
}

/** Time of one call of one capability. */
export interface Measurement {
  readonly type: string;
  readonly capability: string;
  readonly endpoints: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

export interface ConformanceReport {
  /** What was checked: package name and version, or the types of a definition given as a value. */
  readonly subject: string;
  /** Folder of the package; undefined for values. */
  readonly dir: string | undefined;
  /** Version of the plugin API it was checked against. */
  readonly apiVersion: string;
  /** Repeats the run. */
  readonly seed: number;
  /** True when no rule failed. */
  readonly ok: boolean;
  readonly results: readonly RuleResult[];
  readonly measurements: readonly Measurement[];
}

export type Verdict =
  | { readonly status: "passed"; readonly message?: string }
  | { readonly status: "failed"; readonly finding: string; readonly mend?: string }
  | { readonly status: "skipped"; readonly message: string; readonly lacking?: boolean };

export const passed: Verdict = Object.freeze({ status: "passed" });

/** @param mend what to do, where it is something else than the rule says. */
export function failed(finding: string, mend?: string): Verdict {
  return { status: "failed", finding, ...(mend === undefined ? {} : { mend }) };
}

export function skipped(message: string): Verdict {
  return { status: "skipped", message };
}

/** Not checked, because the kit does not know enough of the plugin. @param message names the option that would help. */
export function lacking(message: string): Verdict {
  return { status: "skipped", message, lacking: true };
}

/** The first failure, else a pass when anything passed, else the first reason to skip. */
export function combine(verdicts: readonly Verdict[], nothing: string): Verdict {
  return (
    verdicts.find(({ status }) => status === "failed") ??
    verdicts.find(({ status }) => status === "passed") ??
    verdicts[0] ??
    skipped(nothing)
  );
}

export function ruleResult(id: RuleId, type: string | undefined, verdict: Verdict): RuleResult {
  const { title, mend } = ruleText(id);
  const message =
    verdict.status === "failed"
      ? `${sentence(verdict.finding)} To mend it: ${verdict.mend ?? mend}`
      : (verdict.message ?? "");
  const { status } = verdict;
  return { id, title, type, status, message, lacking: status === "skipped" && verdict.lacking === true };
}

/** The report as lines for people. */
export function renderReport(report: ConformanceReport, options: { readonly verbose?: boolean } = {}): string {
  const lines: string[] = [`${report.subject}, checked against plugin API ${report.apiVersion}, seed ${report.seed}`];
  const scopes = [...new Set(report.results.map(({ type }) => type))];
  for (const scope of scopes) {
    lines.push("", scope ?? "the package");
    for (const { id, title, type, status, message, lacking } of report.results) {
      if (type !== scope || (status === "skipped" && !lacking && options.verbose !== true)) continue;
      lines.push(`  ${marks[status]} ${id.padEnd(28)} ${title}`);
      if (message !== "") lines.push(...message.split("\n").map((line) => `      ${line}`));
    }
  }
  const count = (status: RuleResult["status"]): number => report.results.filter((r) => r.status === status).length;
  lines.push("", `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} not checked`);
  return `${lines.join("\n")}\n`;
}

const marks: Readonly<Record<RuleResult["status"], string>> = { passed: "ok  ", failed: "FAIL", skipped: "--  " };

/** Names of functions and files keep their case. */
function sentence(finding: string): string {
  const plain = /^[a-z]+(?=[ ,])/.test(finding) && !/^(stop|setup) /.test(finding);
  return `${plain ? finding.charAt(0).toUpperCase() + finding.slice(1) : finding}`.replace(/[.]?$/, ".");
}
