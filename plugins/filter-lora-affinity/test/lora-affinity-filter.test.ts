import { ActiveAdapters, MaxAdapters, WaitingAdapters } from "@pointsman/plugin-api/keys";
import { configIssues, createTestRequest, keptBy, setUpPlugin, value } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { loraAffinityFilter } from "../src/lora-affinity-filter.ts";

type Adapters = readonly [name: string, active: string[], waiting: string[], max: number];

async function subject(config: object, ...endpoints: Adapters[]) {
  const { filter, pool } = await setUpPlugin(loraAffinityFilter, {
    config,
    endpoints: endpoints.map(([name, active, waiting, max]) => ({
      name,
      attributes: [
        value(ActiveAdapters, new Set(active)),
        value(WaitingAdapters, new Set(waiting)),
        value(MaxAdapters, max),
      ],
    })),
  });
  return (random = 0.5) => keptBy(filter!, createTestRequest({ model: "sql", random: [random] }), pool.candidates());
}

const has: Adapters = ["has", ["sql"], [], 2];
const awaits: Adapters = ["awaits", ["x"], ["sql"], 2];
const room: Adapters = ["room", ["x"], [], 2];
const full: Adapters = ["full", ["x"], ["y"], 2];

describe("lora-affinity-filter", () => {
  it("keeps those that have the adapter, loaded or awaited", async () => {
    expect((await subject({ threshold: 1 }, has, awaits, room, full))()).toEqual(["has", "awaits"]);
    expect((await subject({ threshold: 0 }, has, full))()).toEqual(["has"]);
  });

  it("keeps those with room when nobody has it, and for the share that lets adapters spread", async () => {
    expect((await subject({}, room, full))()).toEqual(["room"]);
    expect((await subject({ threshold: 0 }, has, room, full))()).toEqual(["room"]);
    const kept = await subject({ threshold: 0.9 }, has, room);
    expect([kept(0), kept(0.89), kept(0.9)]).toEqual([["has"], ["has"], ["room"]]);
  });

  it("keeps everybody when nobody has the adapter or room for it", async () => {
    expect((await subject({}, full, ["also full", [], [], 0]))()).toEqual(["full", "also full"]);
    expect((await subject({}))()).toEqual([]);
  });

  it("refuses a share that is none", () => {
    expect(configIssues(loraAffinityFilter, { threshold: 1.1 })[0]).toMatch(/^threshold: /);
  });
});
