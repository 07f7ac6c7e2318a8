import { definePlugin } from "@pointsman/plugin-api";
import { KvCacheUsage, WaitingRequests } from "@pointsman/plugin-api/keys";
import { expect, it } from "vitest";
import { replayTrace } from "../src/trace/replay-trace.ts";
import { smallFleet } from "../src/trace/small-fleet.ts";
import { parseTrace } from "../src/trace/trace.ts";

const trace = smallFleet();

/** What the recording was made with; it says so in `about`. */
const recordedPolicy = definePlugin({
  type: "recorded-policy-scorer",
  reads: [WaitingRequests, KvCacheUsage],
  setup: () => ({
    scorer: {
      score(_request, candidates, scores) {
        const waiting = candidates.column(WaitingRequests);
        const usage = candidates.column(KvCacheUsage);
        for (let i = 0; i < candidates.length; i += 1) scores[i] = 0.7 / (1 + waiting[i]!) + 0.3 * (1 - usage[i]!);
      },
    },
  }),
});

it("the policy of the recording decides again as it did", async () => {
  const replay = await replayTrace(recordedPolicy, trace);
  expect(replay.agreeing).toBe(replay.decisions.length);
  expect(replay.decisions).toHaveLength(22);
  expect(replay).toMatchObject({ rejected: 0, faults: [] });
});

it("another policy is compared with it, and its faults are named", async () => {
  const opposite = definePlugin({
    type: "opposite-scorer",
    reads: [WaitingRequests],
    setup: () => {
      let calls = 0;
      return {
        scorer: {
          score(_request, candidates, scores) {
            calls += 1;
            if (calls === 3) throw new Error("third call");
            const waiting = candidates.column(WaitingRequests);
            for (let i = 0; i < candidates.length; i += 1) scores[i] = waiting[i]! / 10;
          },
        },
      };
    },
  });
  const replay = await replayTrace(opposite, trace);
  expect(replay.agreeing).toBeLessThan(replay.decisions.length / 2);
  expect(replay.faults).toEqual([
    expect.objectContaining({ instance: "opposite-scorer", capability: "scorer", errors: 1, lastError: "third call" }),
  ]);
});

it.each([
  [{}, /its format is undefined/],
  [{ trace: 1, seed: 1, endpoints: [] }, /`steps` must be a list/],
  [
    {
      trace: 1,
      seed: 1,
      endpoints: [],
      steps: [
        { at: 5, answer: "a" },
        { at: 4, answer: "b" },
      ],
    },
    /steps\[1\]\.at/,
  ],
  [{ trace: 1, seed: 1, endpoints: [], steps: [{ at: 0 }] }, /steps\[0\] must have one of/],
  [{ trace: 1, seed: 1, endpoints: [], steps: [{ at: 0, request: { id: "a" } }] }, /steps\[0\]\.picked/],
])("a file that is no trace is refused with the place: %j", (value, message) => {
  expect(() => parseTrace(value)).toThrow(message);
});
