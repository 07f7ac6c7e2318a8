import { KvCacheUsage } from "@pointsman/plugin-api/keys";
import { createTestPool, createTestRequest, keptBy, setUpPlugin, value } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import plugin from "../src/index.js";

const pool = createTestPool([
  { name: "free", attributes: [value(KvCacheUsage, 0.2)] },
  { name: "at-the-limit", attributes: [value(KvCacheUsage, 0.9)] },
  { name: "full", attributes: [value(KvCacheUsage, 0.95)] },
  { name: "silent" },
]);

async function kept(config = {}) {
  const { filter } = await setUpPlugin(plugin, { config, pool });
  return keptBy(filter, createTestRequest(), pool.candidates());
}

describe("__TYPE__", () => {
  it("removes endpoints whose cache is full, and keeps those that have not reported", async () => {
    expect(await kept()).toEqual(["free", "at-the-limit", "silent"]);
  });

  it("takes the limit from its options", async () => {
    expect(await kept({ minFree: 0.5 })).toEqual(["free", "silent"]);
    expect(await kept({ minFree: 0 })).toEqual(["free", "at-the-limit", "full", "silent"]);
  });
});
