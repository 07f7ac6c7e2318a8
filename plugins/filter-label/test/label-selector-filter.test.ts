import { configIssues, createTestRequest, keptBy, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { labelSelectorFilter } from "../src/label-selector-filter.ts";

const request = createTestRequest();
const endpoints = [
  { name: "a", labels: { gpu: "a100", zone: "eu-1" } },
  { name: "b", labels: { gpu: "h100", zone: "eu-2", "example.com/draining": "" } },
  { name: "c", labels: { gpu: "a100" } },
  { name: "d" },
];

async function kept(config: unknown, among = endpoints): Promise<string[]> {
  const { filter, pool } = await setUpPlugin(labelSelectorFilter, { config, endpoints: among });
  return keptBy(filter!, request, pool.candidates());
}

describe("label-selector-filter", () => {
  it.each<[string, unknown, string[]]>([
    ["no requirement: everybody", {}, ["a", "b", "c", "d"]],
    ["matchLabels", { matchLabels: { gpu: "a100" } }, ["a", "c"]],
    ["all of matchLabels", { matchLabels: { gpu: "a100", zone: "eu-1" } }, ["a"]],
    ["In", { matchExpressions: [{ key: "zone", operator: "In", values: ["eu-1", "eu-2"] }] }, ["a", "b"]],
    [
      "NotIn, also without the label",
      { matchExpressions: [{ key: "zone", operator: "NotIn", values: ["eu-1"] }] },
      ["b", "c", "d"],
    ],
    ["Exists, also when empty", { matchExpressions: [{ key: "example.com/draining", operator: "Exists" }] }, ["b"]],
    [
      "DoesNotExist",
      { matchExpressions: [{ key: "example.com/draining", operator: "DoesNotExist" }] },
      ["a", "c", "d"],
    ],
    [
      "labels and expressions together",
      { matchLabels: { gpu: "a100" }, matchExpressions: [{ key: "zone", operator: "DoesNotExist" }] },
      ["c"],
    ],
    ["nobody", { matchLabels: { gpu: "mi300" } }, []],
  ])("%s", async (_, config, names) => {
    expect(await kept(config)).toEqual(names);
  });

  it("does not take a member of every object for a label", async () => {
    expect(await kept({ matchExpressions: [{ key: "constructor", operator: "Exists" }] })).toEqual([]);
  });

  it("accepts an empty pool", async () => {
    expect(await kept({ matchLabels: { gpu: "a100" } }, [])).toEqual([]);
  });

  it.each<[string, unknown, RegExp]>([
    [
      "In without values",
      { matchExpressions: [{ key: "a", operator: "In" }] },
      /^matchExpressions\.0\.values: In needs at least one value$/,
    ],
    [
      "Exists with values",
      { matchExpressions: [{ key: "a", operator: "Exists", values: ["b"] }] },
      /^matchExpressions\.0\.values: Exists takes no values$/,
    ],
    [
      "an unknown operator",
      { matchExpressions: [{ key: "a", operator: "Gt", values: ["1"] }] },
      /^matchExpressions\.0\.operator: /,
    ],
    ["no key", { matchExpressions: [{ operator: "Exists" }] }, /^matchExpressions\.0\.key: /],
    [
      "a key with two slashes",
      { matchExpressions: [{ key: "a/b/c", operator: "Exists" }] },
      /^matchExpressions\.0\.key: must be a label key/,
    ],
    ["a prefix in upper case", { matchLabels: { "Example.com/a": "b" } }, /^matchLabels\.Example\.com\/a: /],
    ["a value of 64 characters", { matchLabels: { a: "b".repeat(64) } }, /^matchLabels\.a: must be a label value/],
    ["a number as value", { matchLabels: { a: 1 } }, /^matchLabels\.a: /],
    ["a misspelt field", { matchLabel: { a: "b" } }, /matchLabel/],
  ])("refuses %s, with the place", (_, config, message) => {
    const issues = configIssues(labelSelectorFilter, config);
    expect(issues).toHaveLength(1);
    expect(issues[0]).toMatch(message);
  });
});
