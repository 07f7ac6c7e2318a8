import { ActiveAdapters, ServedModels, WaitingAdapters } from "@pointsman/plugin-api/keys";
import { configIssues, createTestRequest, keptBy, setUpPlugin, value } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { modelFilter } from "../src/model-filter.ts";

const served = (...names: string[]) => value(ServedModels, new Set(names));
const endpoints = [
  { name: "base", attributes: [served("llama")] },
  { name: "lora", attributes: [served("llama", "sql")] },
  { name: "active", attributes: [served("llama"), value(ActiveAdapters, new Set(["sql"]))] },
  { name: "waiting", attributes: [served("llama"), value(WaitingAdapters, new Set(["sql"]))] },
  { name: "silent" },
  { name: "empty", attributes: [served()] },
];

const setUp = (config: unknown = {}) => setUpPlugin(modelFilter, { config, endpoints });

describe("model-filter", () => {
  it("keeps endpoints that serve the model, have or want the adapter, or have not reported", async () => {
    const { filter, pool } = await setUp();
    expect(keptBy(filter!, createTestRequest({ model: "sql" }), pool.candidates())).toEqual([
      "lora",
      "active",
      "waiting",
      "silent",
    ]);
    expect(filter).toMatchObject({ empties: "ineligible", onError: "reject" });
  });

  it("drops endpoints that have not reported when told so, but not those that show the adapter", async () => {
    const { filter, pool } = await setUpPlugin(modelFilter, {
      config: { onUnknown: "drop" },
      endpoints: [{ name: "silent" }, { name: "active", attributes: [value(ActiveAdapters, new Set(["sql"]))] }],
    });
    expect(keptBy(filter!, createTestRequest({ model: "sql" }), pool.candidates())).toEqual(["active"]);
  });

  it("asks for the model the endpoint will be asked for, letter by letter", async () => {
    const { filter, pool } = await setUp({ onUnknown: "drop" });
    const rewritten = createTestRequest({ model: "gpt", targetModel: "llama" });
    expect(keptBy(filter!, rewritten, pool.candidates())).toEqual(["base", "lora", "active", "waiting"]);
    expect(keptBy(filter!, createTestRequest({ model: "Llama" }), pool.candidates())).toEqual([]);
  });

  it("lets requests without a model pass", async () => {
    const { filter, pool } = await setUp({ onUnknown: "drop" });
    expect(keptBy(filter!, createTestRequest({ model: "" }), pool.candidates())).toHaveLength(endpoints.length);
  });

  it("takes a report older than a minute for none", async () => {
    const { filter, pool } = await setUp();
    const request = createTestRequest({ model: "absent" });
    expect(keptBy(filter!, request, pool.candidates())).toEqual(["silent"]);
    pool.clock.now += 60_001;
    expect(keptBy(filter!, request, pool.candidates())).toHaveLength(endpoints.length);
  });

  it("refuses another policy, with the place", () => {
    expect(configIssues(modelFilter, { onUnknown: "maybe" })[0]).toMatch(/^onUnknown: /);
  });
});
