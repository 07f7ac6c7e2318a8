import { configIssues, createTestRequest, keptBy, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { byLabel } from "../src/by-label.ts";

const endpoints = [
  { name: "gold", labels: { tier: "gold" } },
  { name: "tin", labels: { tier: "tin" } },
  { name: "empty", labels: { tier: "" } },
  { name: "none" },
];

async function kept(config: unknown): Promise<string[]> {
  const { filter, pool } = await setUpPlugin(byLabel, { config, endpoints });
  return keptBy(filter!, createTestRequest(), pool.candidates());
}

describe("by-label", () => {
  it("keeps the listed values", async () => {
    expect(await kept({ label: "tier", validValues: ["gold", "silver"] })).toEqual(["gold"]);
  });

  it("keeps endpoints without the label only when allowed", async () => {
    expect(await kept({ label: "tier", validValues: ["gold"], allowsNoLabel: true })).toEqual(["gold", "none"]);
    expect(await kept({ label: "tier", allowsNoLabel: true })).toEqual(["none"]);
  });

  it("tells an empty value from a missing label", async () => {
    expect(await kept({ label: "tier", validValues: [""] })).toEqual(["empty"]);
  });

  it("refuses parameters that no endpoint could pass", () => {
    expect(configIssues(byLabel, { label: "tier" })).toEqual([
      "validValues: needs at least one value, or allowsNoLabel: no endpoint could pass",
    ]);
    expect(configIssues(byLabel, { validValues: ["a"] })[0]).toMatch(/^label: /);
  });
});
