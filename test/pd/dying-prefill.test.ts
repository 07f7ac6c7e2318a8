import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithEnvoy } from "../envoy/harness/describe-with-envoy.ts";
import { sumOf } from "../envoy/harness/metrics-page.ts";
import { until } from "../envoy/harness/poll.ts";
import { failuresOf, type Load, startLoad } from "./harness/load.ts";
import { type PdStack, startPdStack } from "./harness/pd-stack.ts";

/** Requests before and after what happens. */
const SOME = 20;

describeWithEnvoy("a prefill server that is killed under load, with the fallback on", () => {
  let stack: PdStack;
  beforeAll(async () => {
    // Long enough in each phase to be met there.
    stack = await startPdStack({
      prefillFlags: ["--ttft-ms", "60", "--kv-transfer-ms", "60", "--kv-transfer-timeout-ms", "2000"],
    });
  });
  afterAll(() => stack?.close());

  const more = (load: Load, count: number): Promise<void> => {
    const goal = load.shots.length + count;
    return until(`${count} more requests`, () => load.shots.length >= goal);
  };

  const fallbacks = async (): Promise<number> => {
    const pages = await Promise.all(stack.sidecars.map((sidecar) => sidecar.metricsPage()));
    return pages.reduce((sum, page) => sum + sumOf(page, "llm_d_sidecar_prefill_fallback_total"), 0);
  };
  const failedFetches = async (): Promise<number> => {
    const pages = stack.decode.map(async ({ address }) => (await fetch(`http://${address}/metrics`)).text());
    return (await Promise.all(pages)).reduce((sum, page) => sum + sumOf(page, "sim:kv_failed_fetches_total"), 0);
  };

  const phases: Readonly<Record<string, { met(): Promise<boolean>; shows(): Promise<number> }>> = {
    "while it computes prompts": {
      met: async () => (await stack.prefill[0]!.state()).running >= 2,
      shows: fallbacks,
    },
    "while its KV blocks are fetched": {
      met: async () => (await stack.prefill[0]!.state()).heldBlocks > 0,
      shows: failedFetches,
    },
    "and stays away for a while": {
      met: async () => true,
      shows: fallbacks,
    },
  };

  for (const [phase, { met, shows }] of Object.entries(phases)) {
    it(`${phase} costs no request`, async () => {
      const load = startLoad(stack.url, 20);
      await more(load, SOME);
      const before = await shows();
      await until("the phase", met);
      await stack.prefill[0]!.kill();
      await more(load, SOME);
      await until("what the phase leaves in the metrics", async () => (await shows()) > before);
      await stack.prefill[0]!.restart();
      await until("splits on the server that is back", async () => (await stack.prefill[0]!.state()).served > 0);
      await more(load, SOME);
      const shots = await load.stop();
      expect(failuresOf(shots)).toEqual([]);
      expect(shots.length).toBeGreaterThanOrEqual(3 * SOME);
      await stack.expectIdle();
    });
  }

  it("with both of them away every request is decoded whole", async () => {
    await Promise.all(stack.prefill.map((sim) => sim.kill()));
    const load = startLoad(stack.url, 20);
    await more(load, 2 * SOME);
    expect(failuresOf(await load.stop())).toEqual([]);
    await stack.picker.expectIdle();
    await Promise.all(stack.prefill.map((sim) => sim.restart()));
    await stack.expectIdle();
  });
});
