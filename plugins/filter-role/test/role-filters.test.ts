import type { Plugin } from "@pointsman/plugin-api";
import { configIssues, createTestRequest, keptBy, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { decodeFilter } from "../src/decode-filter.ts";
import { encodeFilter } from "../src/encode-filter.ts";
import { prefillFilter } from "../src/prefill-filter.ts";

const roles = ["decode", "prefill", "prefill-decode", "both", "encode-prefill-decode", "encode", "encode-prefill"];
const endpoints = [
  ...roles.map((role) => ({ name: role, labels: { "llm-d.ai/role": role } })),
  { name: "none", labels: { app: "vllm" } },
  { name: "other", labels: { "llm-d.ai/role": "Decode" } },
  { name: "blank", labels: { "llm-d.ai/role": "" } },
];

describe("role filters (S12)", () => {
  it.each<[string, Plugin, string[]]>([
    ["decode-filter", decodeFilter, ["decode", "prefill-decode", "both", "encode-prefill-decode", "none"]],
    ["prefill-filter", prefillFilter, ["prefill", "prefill-decode", "both", "encode-prefill-decode", "encode-prefill"]],
    ["encode-filter", encodeFilter, ["encode-prefill-decode", "encode", "encode-prefill"]],
  ])("%s keeps its roles", async (type, plugin, names) => {
    const { filter, pool } = await setUpPlugin(plugin, { endpoints });
    expect(keptBy(filter!, createTestRequest(), pool.candidates())).toEqual(names);
    expect(filter).toMatchObject({ empties: "ineligible", onError: "reject" });
    expect(configIssues(plugin, { role: "x" }, type)).toEqual(["role: takes no parameters"]);
  });
});
