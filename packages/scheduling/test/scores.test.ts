import type { Scorer } from "@pointsman/plugin-api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addWeightedScores } from "../src/add-weighted-scores.ts";
import { describeDecision } from "../src/index.ts";
import { addresses, candidatesOf, createRequest, filter, namesOf, profile, schedulerOf, scorer } from "./doubles.ts";

const A = Number.NaN;

/** Total of each of the first endpoints, by its number. */
function totals(...scorers: ReturnType<typeof scorer>[]): number[] {
  const candidates = candidatesOf(3);
  const decision = schedulerOf(profile("p", { scorers })).schedule(createRequest(), candidates);
  const described = describeDecision(decision, addresses(candidates)).profiles[0]!.candidates;
  return addresses(candidates).map((address) => described.find(({ endpoint }) => endpoint === address)!.total);
}

describe("the total of a candidate", () => {
  it("is the sum of weight times score, and is not divided by the weights", () => {
    expect(totals(scorer("a", 2, [1, 0.5, 0]), scorer("b", 3, [0, 0.5, 1]))).toEqual([2, 2.5, 3]);
  });

  it("does not change with a scorer of weight 0, which is asked and recorded all the same", () => {
    const candidates = candidatesOf(2);
    const scorers = [scorer("a", 1, [0.25, 0.75]), scorer("b", 0, [1, 0])];
    const decision = schedulerOf(profile("p", { scorers })).schedule(createRequest(), candidates);
    const [described] = describeDecision(decision, addresses(candidates)).profiles;
    expect(described!.candidates.map(({ endpoint, total }) => [endpoint, total])).toEqual([
      ["10.0.0.1:8000", 0.75],
      ["10.0.0.0:8000", 0.25],
    ]);
    expect(described!.candidates[1]!.scores[1]).toEqual({ scorer: "b", score: 1, weight: 0, added: 0 });
  });

  it("counts scores outside of 0 to 1 as the nearer end", () => {
    expect(totals(scorer("a", 2, [7, -3, 0.5]))).toEqual([2, 0, 1]);
    expect(totals(scorer("a", 2, [Infinity, -Infinity, 0.5]))).toEqual([2, 0, 1]);
  });

  it("is 0 for all without scorers, so that the picker decides alone", () => {
    expect(totals()).toEqual([0, 0, 0]);
  });
});

describe("an abstention", () => {
  it("counts as the mean of this scorer's other scores", () => {
    expect(totals(scorer("a", 2, [1, A, 0.5]))).toEqual([2, 1.5, 1]);
  });

  it("is filled with the mean of clamped scores: one wild score does not carry the silent ones along", () => {
    expect(totals(scorer("a", 1, [100, A, 0]))).toEqual([1, 0.5, 0]);
  });

  it("takes no part in the mean of another scorer", () => {
    expect(totals(scorer("a", 1, [1, A, 0]), scorer("b", 1, [A, 0.25, A]))).toEqual([1.25, 0.75, 0.25]);
  });

  it("of everybody makes the scorer count for nothing", () => {
    expect(totals(scorer("a", 5, [A, A, A]), scorer("b", 1, [0.5, 0.25, 0]))).toEqual([0.5, 0.25, 0]);
  });

  it("is what a scorer that writes nothing gives", () => {
    const idle: Scorer = { score() {} };
    expect(totals({ name: "a", weight: 5, capability: idle }, scorer("b", 1, [0, 0.25, 0]))).toEqual([0, 0.25, 0]);
  });

  it("is judged among the survivors only", () => {
    const candidates = candidatesOf(3);
    const scheduler = schedulerOf(
      profile("p", { filters: [filter("f", [1, 2])], scorers: [scorer("a", 1, [1, A, 0.5])] }),
    );
    const described = describeDecision(scheduler.schedule(createRequest(), candidates), addresses(candidates));
    expect(described.profiles[0]!.candidates.map(({ total }) => total)).toEqual([0.5, 0.5]);
  });
});

describe("adding weighted scores", () => {
  it("equals the formula for any scores, weights and abstentions", () => {
    const score = fc.oneof(fc.double({ min: -2, max: 3, noNaN: true }), fc.constant(A));
    fc.assert(
      fc.property(
        fc.array(score, { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0, max: 9, noNaN: true }),
        (s, w) => {
          const before = s.map((_, i) => i);
          const sums = Float64Array.from(before);
          const counted = addWeightedScores(sums, Float64Array.from(s), w);
          const given = s.filter((each) => !Number.isNaN(each)).map((each) => Math.min(1, Math.max(0, each)));
          expect(counted).toBe(given.length > 0);
          const mean = given.reduce((sum, each) => sum + each, 0) / given.length;
          s.forEach((each, i) => {
            const clamped = Number.isNaN(each) ? mean : Math.min(1, Math.max(0, each));
            expect(sums[i]).toBeCloseTo(before[i]! + (given.length > 0 ? w * clamped : 0), 9);
          });
        },
      ),
    );
  });
});

describe("the choice", () => {
  it("is the candidate with the highest total", () => {
    const scheduler = schedulerOf(profile("p", { scorers: [scorer("a", 1, [0.1, 0.9, 0.5])] }));
    expect(namesOf(scheduler.schedule(createRequest(), candidatesOf(3)).picked)).toEqual(["e1"]);
  });
});
