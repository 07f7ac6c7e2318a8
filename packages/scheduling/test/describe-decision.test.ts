import { describe, expect, it } from "vitest";
import { describeDecision } from "../src/index.ts";
import {
  addresses,
  candidatesOf,
  createRequest,
  filter,
  maxScorePicker,
  profile,
  schedulerOf,
  scorer,
} from "./doubles.ts";

describe("the description of a decision", () => {
  it("says who was removed by what, how each survivor was rated, and who was picked", () => {
    const candidates = candidatesOf(4);
    const scheduler = schedulerOf(
      profile("default", {
        filters: [filter("role", [0, 1, 3])],
        scorers: [scorer("queue", 2, [0.5, 1, 1, Number.NaN]), scorer("kv", 1, [3, -1, 0, 0.25])],
        picker: maxScorePicker(2),
      }),
    );
    // This draw leaves ties in the order of the pool.
    const request = { ...createRequest(), random: () => 0.999 };
    const description = describeDecision(scheduler.schedule(request, candidates), addresses(candidates));
    expect(description).toEqual({
      primary: "default",
      picked: ["10.0.0.0:8000", "10.0.0.1:8000"],
      failure: null,
      stages: [],
      profiles: [
        {
          profile: "default",
          removals: [{ filter: "role", endpoints: ["10.0.0.2:8000"] }],
          candidates: [
            {
              endpoint: "10.0.0.0:8000",
              total: 2,
              scores: [
                { scorer: "queue", score: 0.5, weight: 2, added: 1 },
                { scorer: "kv", score: 3, weight: 1, added: 1 },
              ],
            },
            {
              endpoint: "10.0.0.1:8000",
              total: 2,
              scores: [
                { scorer: "queue", score: 1, weight: 2, added: 2 },
                { scorer: "kv", score: -1, weight: 1, added: 0 },
              ],
            },
            {
              endpoint: "10.0.0.3:8000",
              total: 1.75,
              scores: [
                { scorer: "queue", score: null, weight: 2, added: 1.5 },
                { scorer: "kv", score: 0.25, weight: 1, added: 0.25 },
              ],
            },
          ],
          picker: "max-score",
          picked: ["10.0.0.0:8000", "10.0.0.1:8000"],
          tied: 2,
        },
      ],
    });
    // Plain JSON: nothing is lost on the way to a file.
    expect(JSON.parse(JSON.stringify(description))).toEqual(description);
  });

  it("adds up: the parts of each candidate are its total", () => {
    const candidates = candidatesOf(5);
    const scores = [0.1, Number.NaN, 7, 0.3, Number.NaN];
    const silent = new Array<number>(5).fill(Number.NaN);
    const scorers = [scorer("a", 1.5, scores), scorer("b", 4, silent), scorer("c", 0.5, [...scores].reverse())];
    const decision = schedulerOf(profile("p", { scorers })).schedule(createRequest(), candidates);
    for (const candidate of describeDecision(decision, addresses(candidates)).profiles[0]!.candidates) {
      const sum = candidate.scores.reduce((total, { added }) => total + added, 0);
      expect(sum).toBeCloseTo(candidate.total, 12);
    }
  });

  it("says why there is no destination", () => {
    const candidates = candidatesOf(2);
    const scheduler = schedulerOf(profile("p", { filters: [filter("busy", [], "overloaded")] }), profile("q"));
    const description = describeDecision(scheduler.schedule(createRequest(), candidates), addresses(candidates));
    expect(description).toMatchObject({ primary: "p", picked: [], failure: { kind: "overloaded", filter: "busy" } });
    expect(description.profiles[0]).toEqual({
      profile: "p",
      removals: [{ filter: "busy", endpoints: ["10.0.0.0:8000", "10.0.0.1:8000"] }],
      candidates: [],
      picker: "max-score",
      picked: [],
      tied: 0,
    });
    expect(description.profiles[1]).toMatchObject({ profile: "q", tied: 2 });
  });

  it("names no filter where the pool was empty", () => {
    const decision = schedulerOf(profile("p")).schedule(createRequest(), candidatesOf(0));
    expect(describeDecision(decision, []).failure).toEqual({ kind: "ineligible" });
  });
});
