import type { ReplayResult } from "../report/replay-result.ts";
import type { BalanceCell } from "./balance-cells.ts";

/** One target and whether it was met. */
export interface Verdict {
  readonly target: "hit" | "load" | "TTFT mean" | "TTFT p99";
  readonly value: number;
  readonly limit: number;
  readonly met: boolean;
}

/** What a cell asks of one configuration, given the results of all of them in the same cell. */
export function judgeBalance(
  { targets }: Pick<BalanceCell, "targets">,
  subject: ReplayResult,
  others: readonly ReplayResult[],
): Verdict[] {
  const verdicts: Verdict[] = [];
  if (targets.hit !== undefined) {
    const value = subject.hitCeiling === 0 ? 1 : subject.hitShare / subject.hitCeiling;
    verdicts.push({ target: "hit", value, limit: targets.hit, met: value >= targets.hit });
  }
  if (targets.load !== undefined) {
    const value = subject.loadMaxOverMean;
    verdicts.push({ target: "load", value, limit: targets.load, met: value <= targets.load });
  }
  if (targets.ttft !== undefined) {
    for (const measure of ["mean", "p99"] as const) {
      const limit = ttftLimit(targets.ttft, measure, others);
      const value = subject.ttftMs[measure];
      verdicts.push({ target: `TTFT ${measure}`, value, limit, met: value <= limit });
    }
  }
  return verdicts;
}

function ttftLimit(kind: "tenth-below-default" | "best", measure: "mean" | "p99", others: readonly ReplayResult[]) {
  if (kind === "best") return Math.min(...others.map(({ ttftMs }) => ttftMs[measure]));
  const byDefault = others.find(({ name }) => name === "llm-d-default");
  if (byDefault === undefined) throw new Error("a cell with this target needs the results of llm-d-default");
  return 0.9 * byDefault.ttftMs[measure];
}
