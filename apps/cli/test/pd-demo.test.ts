import type { DecisionReport } from "@pointsman/epp";
import { describe, expect, it } from "vitest";
import { quantile, renderPdSummary } from "../src/demo/pd/pd-summary.ts";
import type { Stream } from "../src/demo/pd/pd-traffic.ts";
import { splitLine } from "../src/demo/pd/split-line.ts";

function reportOf(prefill: string | undefined, text: string): DecisionReport {
  const profile = (name: string, picked: string) => ({
    ...{ profile: name, removals: [], candidates: [], picker: "p", tied: 1 },
    picked: [picked],
  });
  return {
    ...{ requestId: "r", at: "2026-01-02T03:04:05.678Z", api: "openai-completions", model: "m", targetModel: "m" },
    ...{ priority: 0, decidedInMs: 1, schedulingMs: 1, dataAgeMs: {}, refusal: null },
    ...{ served: "10.0.0.1:80", status: 200, outcome: "ended" },
    decision: {
      ...{ primary: "decode", picked: ["10.0.0.1:80"], failure: null, stages: [{ stage: "prefill", text }] },
      profiles: [profile("decode", "10.0.0.1:80"), ...(prefill === undefined ? [] : [profile("prefill", prefill)])],
    },
  };
}

const nameOf = (address: string): string =>
  ({ "10.0.0.1:80": "decode-0", "10.0.0.5:80": "prefill-0" })[address] ?? address;

describe("the line of a request in the demo of prefill and decode", () => {
  it("says where the two phases are, and why", () => {
    const split = reportOf(
      "10.0.0.5:80",
      "runs: 9 of 9 tokens are not cached at 10.0.0.1:80, at least nonCachedTokens 5",
    );
    expect(splitLine(split, nameOf)).toBe(
      "03:04:05.678  split  prefill-0 → decode-0   9 of 9 tokens are not cached at decode-0, at least nonCachedTokens 5",
    );
    const whole = splitLine(reportOf(undefined, "not run: the prompt is short"), nameOf);
    expect(whole).toMatch(/^03:04:05\.678 {2}whole +decode-0 +the prompt is short$/);
  });

  it("says that a request was refused", () => {
    const refused = {
      ...reportOf(undefined, ""),
      decision: null,
      refusal: { status: 503, code: "c", message: "nobody" },
    };
    expect(splitLine(refused, nameOf)).toBe("03:04:05.678  ✗ 503 nobody");
  });
});

describe("the table of the demo", () => {
  it("compares the fleets by kind of prompt, and leaves failed requests out of the times", () => {
    const stream = (kind: Stream["kind"], ttftMs: number, failure?: string): Stream => ({
      ...{ kind, ttftMs, failure },
      gapsMs: [10, 30],
    });
    const text = renderPdSummary([
      { fleet: "by 4", streams: [stream("short", 100), stream("long", 700)] },
      { fleet: "by 2 + 2", streams: [stream("short", 50), stream("short", 9_999, "status 500")] },
    ]);
    expect(text).toMatch(/short +by 4 +1 +100 ms +100 ms +20 ms +30 ms/);
    expect(text).toMatch(/short +by 2 \+ 2 +1 +50 ms/);
    expect(text).toMatch(/long +by 2 \+ 2 +0 +–/);
    expect(text).toContain("by 2 + 2: 2 requests, 1 failed (status 500)");
  });

  it("knows quantiles", () => {
    expect(quantile([3, 1, 2], 0.5)).toBe(2);
    expect(quantile([3, 1, 2], 0.99)).toBe(3);
    expect(quantile([], 0.5)).toBeNaN();
  });
});
