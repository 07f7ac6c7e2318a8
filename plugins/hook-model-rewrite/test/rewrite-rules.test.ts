import { createTestRequest, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { modelRewrite } from "../src/model-rewrite.ts";
import { parseRewrite, type RewriteObject, rulesOf } from "../src/parse-rewrite.ts";
import { type RewriteRule, RewriteRules } from "../src/rewrite-rules.ts";

const rule = (name: string, models: string[], ...targets: [string, number?][]): RewriteRule => ({
  name,
  models,
  targets: targets.map(([model, weight]) => ({ model, weight })),
});
const half = () => 0.5;
const of = (rules: RewriteRule[], model: string) => new RewriteRules(rules).apply(model, half)?.model;

/** Shares of the targets over evenly spread random numbers. */
function shares(targets: [string, number?][]): Record<string, number> {
  const rules = new RewriteRules([rule("r", [], ...targets)]);
  const counts: Record<string, number> = {};
  for (let i = 0; i < 1_000; i += 1) {
    const { model } = rules.apply("m", () => i / 1_000)!;
    counts[model] = (counts[model] ?? 0) + 1;
  }
  return counts;
}

describe("rewrite rules", () => {
  it("leave a model alone that none is for", () => {
    expect(of([], "m")).toBeUndefined();
    expect(of([rule("r", ["other"], ["t"])], "m")).toBeUndefined();
    expect(of([rule("r", ["other"], ["t"])], "constructor")).toBeUndefined();
  });

  it("prefer one that names the model to one for every request, and the first among equals", () => {
    const rules = [
      rule("g1", [], ["g1"]),
      rule("g2", [], ["g2"]),
      rule("e1", ["m", "n"], ["e1"]),
      rule("e2", ["m"], ["e2"]),
    ];
    expect([of(rules, "m"), of(rules, "n"), of(rules, "x"), of(rules, "")]).toEqual(["e1", "e1", "g1", "g1"]);
  });

  it("draw targets by weight, alike without weights, and never those without one beside others with", () => {
    expect(
      shares([
        ["a", 70],
        ["b", 30],
      ]),
    ).toEqual({ a: 700, b: 300 });
    expect(shares([["a"], ["b"]])).toEqual({ a: 500, b: 500 });
    expect(shares([["a"], ["b", 1]])).toEqual({ b: 1_000 });
    expect(shares([["a"]])).toEqual({ a: 1_000 });
  });
});

describe("an InferenceModelRewrite", () => {
  const object = (spec: unknown, name = "o", creationTimestamp = "2026-01-01T00:00:00Z") => ({
    metadata: { name, creationTimestamp },
    spec,
  });
  const parsed = (value: RewriteObject | string): RewriteObject => {
    if (typeof value === "string") throw new Error(value);
    return value;
  };

  it("becomes rules", () => {
    const matches = [{ model: { value: "m" } }, { model: { type: "Exact", value: "n" } }];
    const targets = [{ modelRewrite: "a", weight: 2 }, { modelRewrite: "b" }];
    expect(parsed(parseRewrite(object({ rules: [{ matches, targets }, { targets }] }))).rules).toEqual([
      {
        name: "o",
        models: ["m", "n"],
        targets: [
          { model: "a", weight: 2 },
          { model: "b", weight: undefined },
        ],
      },
      {
        name: "o",
        models: [],
        targets: [
          { model: "a", weight: 2 },
          { model: "b", weight: undefined },
        ],
      },
    ]);
  });

  it.each([
    ["no rules", {}, "spec.rules is no list"],
    ["no spec", undefined, "spec.rules is no list"],
    ["a rule that is none", { rules: [7] }, "spec.rules[0]: there are no targets"],
    ["no targets", { rules: [{ targets: [] }] }, "spec.rules[0]: there are no targets"],
    ["a target without a model", { rules: [{ targets: [{}] }] }, "spec.rules[0]: a target has no modelRewrite"],
    [
      "a weight of 0",
      { rules: [{ targets: [{ modelRewrite: "a", weight: 0 }] }] },
      "spec.rules[0]: weight 0 is not 1 to 1000000",
    ],
    [
      "an unknown match",
      { rules: [{ matches: [{ model: { type: "Prefix", value: "m" } }], targets: [{ modelRewrite: "a" }] }] },
      "spec.rules[0]: there is no match of type Prefix",
    ],
    [
      "a match without a model",
      { rules: [{ matches: [null], targets: [{ modelRewrite: "a" }] }] },
      "spec.rules[0]: a match has no model",
    ],
  ])("with %s is refused", (_, spec, message) => {
    expect(parseRewrite(object(spec))).toBe(message);
  });

  it("counts before younger ones, and by name among those of one second", () => {
    const to = (model: string) => ({ rules: [{ targets: [{ modelRewrite: model }] }] });
    const objects = [
      object(to("young"), "a", "2026-01-01T00:00:02Z"),
      object(to("old"), "z", "2026-01-01T00:00:01Z"),
      object(to("same"), "y", "2026-01-01T00:00:01Z"),
    ].map((item) => parsed(parseRewrite(item)));
    expect(rulesOf(objects).map(({ targets }) => targets[0]?.model)).toEqual(["same", "old", "young"]);
  });
});

describe("model-rewrite", () => {
  it("says the target and the rule's name, or its own", async () => {
    const config = {
      rules: [
        { models: ["m"], targets: [{ model: "t" }] },
        { name: "all", targets: [{ model: "u" }] },
      ],
    };
    const { preCall } = await setUpPlugin(modelRewrite, { config, name: "mine" });
    const said: unknown[] = [];
    const setTargetModel = (...args: unknown[]) => void said.push(args);
    for (const model of ["m", "x"]) {
      const request = createTestRequest({ model });
      await preCall!(request, { setPriority() {}, setTenant() {}, setTargetModel });
    }
    expect(said[0]).toEqual(["t", expect.any(String)]);
    expect(said[1]).toEqual(["u", "all"]);
  });
});
