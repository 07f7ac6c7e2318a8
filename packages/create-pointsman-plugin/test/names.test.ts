import { describe, expect, it } from "vitest";
import { faultOfPackageName, parseNames } from "../src/names.ts";

describe("parseNames", () => {
  it.each([
    [
      "my-scorer",
      undefined,
      { packageName: "my-scorer", folder: "my-scorer", type: "my-scorer", identifier: "myScorer" },
    ],
    ["tenant", undefined, { packageName: "tenant", type: "tenant-scorer", identifier: "tenantScorer" }],
    ["tenant", "@acme", { packageName: "@acme/tenant", folder: "tenant", owner: "acme" }],
    ["tenant", "acme", { packageName: "@acme/tenant" }],
    ["@other/tenant", "@acme", { packageName: "@other/tenant", owner: "other" }],
    ["pointsman-plugin-tenant", undefined, { packageName: "pointsman-plugin-tenant", type: "tenant-scorer" }],
    ["pointsman-plugin", undefined, { type: "plugin-scorer" }],
    ["scorer", undefined, { type: "scorer", identifier: "scorer" }],
    [
      "night_train.v2",
      undefined,
      { type: "night-train-v2-scorer", identifier: "nightTrainV2Scorer", owner: "night-train-v2" },
    ],
    ["4bit", undefined, { type: "4bit-scorer", identifier: "plugin4bitScorer" }],
  ])("makes of %s in scope %s all other names", (name, scope, names) => {
    expect(parseNames(name, "scorer", scope)).toMatchObject(names);
  });

  it("throws where npm would refuse", () => {
    expect(() => parseNames("My Scorer", "scorer")).toThrow(/My Scorer has capital letters/);
  });
});

describe("a package's name", () => {
  it.each([
    ["My-Scorer", "has capital letters"],
    ["my scorer", "is not made of lower-case letters"],
    ["../escape", 'begins with "."'],
    ["a/b", "is not made of"],
    ["@acme", "is not made of"],
    ["@acme/", "is not made of"],
    ["@acme/a/b", "is not made of"],
    ["@Acme/a", "has a scope"],
    [".hidden", 'begins with "."'],
    ["_private", 'begins with "_"'],
    ["node_modules", "npm keeps"],
    ["stream", "is a module of Node"],
    ["123", "has no letter"],
    ["-", "has no letter"],
    ["schön", "is not made of"],
    ["a".repeat(215), "is longer than 214"],
    ["", "is not made of"],
  ])("cannot be %s", (name, fault) => {
    expect(faultOfPackageName(name)).toContain(fault);
  });

  it.each(["a", "my-scorer", "my_scorer", "my.scorer", "@acme/stream", "a".repeat(214)])("can be %s", (name) => {
    expect(faultOfPackageName(name)).toBeUndefined();
  });
});
