import { core, definePlugin, jsonSchema, ref } from "@pointsman/plugin-api";
import { WaitingRequests } from "@pointsman/plugin-api/keys";
import { expect, it } from "vitest";
import { checkPlugin } from "../src/conformance/check-plugin.ts";
import { renderReport } from "../src/conformance/report.ts";
import { pluginConformance } from "../src/vitest.ts";

const options = { numRuns: 15 };

const config = jsonSchema<{ decider: string; level: number }>({
  type: "object",
  additionalProperties: false,
  required: ["decider"],
  properties: { decider: { type: "string" }, level: { type: "integer", minimum: 0, default: 2 } },
});

/** Asks another instance and a service: both are stood in for. */
const asking = definePlugin({
  type: "asking-filter",
  config,
  needs: (given) => ({ log: core.logger, decider: ref.decider(given.decider) }),
  readsOptional: [WaitingRequests],
  setup: ({ needs: { decider, log } }) => {
    log.info("set up");
    return {
      filter: {
        empties: "ineligible",
        filter(request, candidates, keep) {
          for (let i = 0; i < candidates.length; i += 1) keep[i] = decider.decide(request, candidates[i]!) ? 0 : 1;
        },
      },
    };
  },
});

pluginConformance(asking, options);

it("checks a definition with parameters that its schema requires, and stands in for other instances", async () => {
  const { results, ok } = await checkPlugin(asking, options);
  expect(results.filter(({ status }) => status === "failed")).toEqual([]);
  expect(ok).toBe(true);
  const passed = results.filter(({ status }) => status === "passed").map(({ id }) => id);
  expect(passed).toEqual(
    expect.arrayContaining([
      "config/defaults",
      "config/invalid",
      "filter/flags",
      "lifecycle/setup-failure",
      "lifecycle/host-accepts",
    ]),
  );
  expect(results.find(({ id }) => id === "manifest/writes")?.status).toBe("skipped");
});

it("finds the same case again with the same seed, and says which it was", async () => {
  const wrong = definePlugin({
    type: "wrong-scorer",
    reads: [WaitingRequests],
    setup: () => ({
      scorer: { score: (_request, candidates, scores) => scores.set(candidates.column(WaitingRequests)) },
    }),
  });
  const messageWith = async (seed: number): Promise<string | undefined> => {
    const { results } = await checkPlugin(wrong, { ...options, seed });
    return results.find(({ id }) => id === "scorer/range")?.message;
  };
  const first = await messageWith(3);
  expect(first).toMatch(/^The scorer gave \d+ to pod-0; seen with .*pod-0 \(pointsman\/waiting-requests = \d+\)/);
  expect(await messageWith(3)).toBe(first);
});

it("believes the author about configs, and does not blame the plugin for those it guessed", async () => {
  const picky = definePlugin({
    type: "picky-scorer",
    config,
    setup: ({ config: given }) => {
      if (given.decider !== "right") throw new Error("only right will do");
      return { scorer: { score() {} } };
    },
  });
  const statusOf = async (more: object): Promise<string | undefined> => {
    const { results } = await checkPlugin(picky, { ...options, ...more });
    return results.find(({ id }) => id === "setup/works")?.status;
  };
  expect(await statusOf({})).toBe("skipped");
  expect(await statusOf({ validConfigs: [{ decider: "wrong" }] })).toBe("failed");
  expect(await statusOf({ types: { "picky-scorer": { validConfigs: [{ decider: "right" }] } } })).toBe("passed");
});

it("checks that what was opened is closed when setup fails with configs that the author names", async () => {
  const leaky = definePlugin({
    type: "leaky-scorer",
    config,
    setup: ({ config: given, onStop }) => {
      const timer = setInterval(() => {}, 1_000);
      if (given.level === 7) throw new Error("level 7 is taken");
      onStop(() => clearInterval(timer));
      return { scorer: { score() {} } };
    },
  });
  const { results } = await checkPlugin(leaky, { ...options, failingConfigs: [{ decider: "a", level: 7 }] });
  expect(results.find(({ id }) => id === "lifecycle/setup-failure")).toMatchObject({
    status: "failed",
    message: expect.stringMatching(/there was still a timer .*check-plugin\.test\.ts:\d+/),
  });
});

it("prints a report that a person can read", async () => {
  const report = await checkPlugin(definePlugin({ type: "idle-hooks", setup: () => ({ postChoice() {} }) }), options);
  const text = renderReport(report);
  expect(text).toMatch(/^idle-hooks, checked against plugin API 1\.\d+\.\d+, seed 1\n/);
  expect(text).toContain("  ok   hooks/twice");
  expect(text).not.toContain("scorer/range");
  expect(renderReport(report, { verbose: true })).toContain("scorer/range");
  expect(text).toMatch(/\d+ passed, 0 failed, \d+ not checked\n$/);
});
