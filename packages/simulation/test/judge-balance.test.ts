import { describe, expect, it } from "vitest";
import { judgeBalance } from "../src/balance/judge-balance.ts";
import type { ReplayResult } from "../src/report/replay-result.ts";

const result = (name: string, mean: number, p99: number, more: Partial<ReplayResult> = {}): ReplayResult =>
  ({
    name,
    hitShare: 0.375,
    hitCeiling: 0.5,
    loadMaxOverMean: 1.2,
    ttftMs: { mean, p99, p50: 0, p95: 0, max: 0 },
    ...more,
  }) as ReplayResult;
const judged = (targets: Parameters<typeof judgeBalance>[0]["targets"], ...results: ReplayResult[]): string[] =>
  judgeBalance({ targets }, results[0]!, results.slice(1)).map(
    ({ target, limit, met }) => `${target} ${Number(limit.toFixed(3))} ${met ? "met" : "missed"}`,
  );

describe("judgeBalance", () => {
  it("compares the hit share with the ceiling, and the load with its limit", () => {
    expect(judged({ hit: 0.75, load: 1.15 }, result("a", 1, 1))).toEqual(["hit 0.75 met", "load 1.15 missed"]);
    expect(judged({ hit: 0.76, load: 1.2 }, result("a", 1, 1))).toEqual(["hit 0.76 missed", "load 1.2 met"]);
  });

  it("asks for a tenth less than llm-d's default, whatever the others do", () => {
    const others = [result("round-robin", 1, 1), result("llm-d-default", 100, 1_000)];
    expect(judged({ ttft: "tenth-below-default" }, result("a", 90, 901), ...others)).toEqual([
      "TTFT mean 90 met",
      "TTFT p99 900 missed",
    ]);
    expect(() => judged({ ttft: "tenth-below-default" }, result("a", 1, 1))).toThrow("llm-d-default");
  });

  it("or for not more than the best of the others, in each measure", () => {
    const others = [result("b", 50, 500), result("c", 60, 400)];
    expect(judged({ ttft: "best" }, result("a", 50, 450), ...others)).toEqual([
      "TTFT mean 50 met",
      "TTFT p99 400 missed",
    ]);
  });
});
