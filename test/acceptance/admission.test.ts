import { describe, expect, it } from "vitest";
import { destinationOf, expectReject } from "./harness/expectations.ts";
import { BODY, LLM, plain } from "./harness/notation.ts";
import { CFG_D, CFG_Q, startPicker, startProblems } from "./harness/picker.ts";
import { survivors } from "./harness/scores.ts";
import { EP, type Pod, silentPod } from "./harness/test-pool.ts";

const cfgD = await startPicker(CFG_D);
const DETECTOR = { queueDepthThreshold: 5, kvCacheUtilThreshold: 0.8 };

describe("admission", () => {
  it("A01 sheds requests below priority 0, and only those, while the pool is saturated", async () => {
    const ask = (objective: string) => cfgD.replay(LLM("p", objective, "m"));
    const shed = "inference error: ResourceExhausted - system saturated, sheddable request dropped";
    cfgD.pool.set(EP(0, 50, 0.99));
    expect(destinationOf(await ask("sql-lora-sheddable"))).toBe("192.168.1.1:8000");
    expectReject(await ask("sheddable"), 429, shed);
    cfgD.pool.set(EP(0, 0, 0.1));
    expect(destinationOf(await ask("sheddable"))).toBe("192.168.1.1:8000");
    cfgD.pool.set();
    expectReject(await ask("sheddable"), 429, shed);
  });

  it("A03 as a filter removes full endpoints, those of which nothing is known too, and keeps all when none is left", async () => {
    const filter = { type: "utilization-detector", name: "not-full", parameters: { ...DETECTOR, headroom: 0.2 } };
    const picker = await startPicker({ ...CFG_Q, profile: [filter, ...CFG_Q.profile] }, { emitScores: true });
    const kept = async (...pods: readonly Pod[]) => {
      picker.pool.set(...pods);
      return survivors(picker, plain(BODY("m", "p")));
    };
    const both = ["pod-0-rank-0", "pod-1-rank-0"];
    expect(await kept(EP(0, 1, 0.1), EP(1, 4, 0.7))).toEqual(both);
    expect(await kept(EP(0, 5, 0.8))).toEqual(["pod-0-rank-0"]);
    expect(await kept(EP(0, 5, 0.9))).toEqual(["pod-0-rank-0"]);
    expect(await kept(EP(0, 7, 0.1), EP(1, 1, 0.1))).toEqual(["pod-1-rank-0"]);
    expect(await kept(EP(0, 1, 0.97), EP(1, 1, 0.5))).toEqual(["pod-1-rank-0"]);
    expect(await kept(silentPod("a", "10.0.0.1:8000"), silentPod("b", "10.0.0.2:8000"))).toEqual(["a", "b"]);
    expect(await kept(silentPod("a", "10.0.0.1:8000"), EP(1, 1, 0.5))).toEqual(["pod-1-rank-0"]);
    expect(await kept(EP(0, 50, 0.1), EP(1, 1, 0.99))).toEqual(both);
  });

  it("A04 refuses to start with limits that make no sense", async () => {
    const problems = (parameters: object) =>
      startProblems({ ...CFG_Q, detector: { type: "utilization-detector", parameters } });
    expect(await problems({})).toEqual([]);
    expect(await problems({ ...DETECTOR, headroom: 2 })).toEqual([]);
    for (const wrong of [
      { queueDepthThreshold: 0 },
      { kvCacheUtilThreshold: 1.5 },
      { kvCacheUtilThreshold: 0 },
      { metricsStalenessThreshold: "0s" },
      { headroom: -0.5 },
    ]) {
      const [name] = Object.keys(wrong);
      expect(await problems({ ...DETECTOR, ...wrong })).toEqual([expect.stringContaining(name!)]);
    }
  });
});
