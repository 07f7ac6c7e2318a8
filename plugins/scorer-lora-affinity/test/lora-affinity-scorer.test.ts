import { ActiveAdapters, MaxAdapters, WaitingAdapters } from "@pointsman/plugin-api/keys";
import {
  createTestPool,
  createTestRequest,
  scoresOf,
  setUpPlugin,
  type TestEndpoint,
  value,
} from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import loraAffinityScorer from "../src/index.ts";

function server(active: readonly string[], waiting: readonly string[] = [], max = 0): TestEndpoint {
  return {
    attributes: [
      value(ActiveAdapters, new Set(active)),
      value(WaitingAdapters, new Set(waiting)),
      value(MaxAdapters, max),
    ],
  };
}

async function scores(model: string, endpoints: readonly TestEndpoint[]): Promise<number[]> {
  const pool = createTestPool(endpoints);
  const { scorer } = await setUpPlugin(loraAffinityScorer, { pool });
  return scoresOf(scorer!, createTestRequest({ model: "asked", targetModel: model }), pool.candidates());
}

describe("lora-affinity-scorer", () => {
  it("prefers loaded to room to awaited to full", async () => {
    const endpoints = [
      server(["sql"], [], 1),
      server(["other"], [], 2),
      server(["other"], ["sql"], 2),
      server(["other"], ["third"], 2),
      server([], [], 1),
    ];
    expect(await scores("sql", endpoints)).toEqual([1, 0.8, 0.6, 0, 0.8]);
  });

  it("counts waiting adapters as taken slots, and room before waiting", async () => {
    expect(await scores("sql", [server(["a"], ["sql"], 3), server(["a", "b"], ["sql"], 3)])).toEqual([0.8, 0.6]);
  });

  it("asks for the rewritten model, not for the one the client named", async () => {
    expect(await scores("sql", [server(["asked"]), server(["sql"])])).toEqual([0, 1]);
  });

  it("abstains for servers that never reported adapters", async () => {
    expect(await scores("sql", [{}, server(["sql"]), { attributes: [value(MaxAdapters, 4)] }])).toEqual([
      Number.NaN,
      1,
      Number.NaN,
    ]);
    expect(await scores("sql", [])).toEqual([]);
  });

  it("sees no room where the limit is not known", async () => {
    expect(await scores("sql", [{ attributes: [value(ActiveAdapters, new Set<string>())] }])).toEqual([0]);
  });

  it("abstains once the report is stale", async () => {
    const pool = createTestPool([server(["sql"], [], 4)]);
    const { scorer } = await setUpPlugin(loraAffinityScorer, { pool });
    pool.clock.now += 2_001;
    expect(scoresOf(scorer!, createTestRequest({ model: "sql" }), pool.candidates())).toEqual([Number.NaN]);
  });

  // Cases of the wire protocol: servers report active adapters and a maximum of 0. `others` is what the queue and the
  // KV cache scorer add: (max − waiting) / (max − min) + 1 − usage.
  it.each([
    {
      id: "R03",
      model: "sql-lora-1fdg2",
      active: [["foo", "bar"], ["foo", "sql-lora-1fdg2"], ["foo"]],
      others: [1 + 0.8, 1 + 0.6, 1 + 0.7],
      affinity: [0, 1, 0],
      chosen: 1,
    },
    {
      id: "R04",
      model: "sql-lora-1fdg2",
      active: [["foo", "bar", "sql-lora-1fdg2"], ["foo"], ["foo"]],
      others: [0.4 + 0.8, 1 + 0.15, 0 + 0.1],
      affinity: [1, 0, 0],
      chosen: 0,
    },
    {
      id: "R06",
      model: "sql-lora-1fdg3",
      active: [
        ["foo", "bar", "sql-lora-1fdg3"],
        ["foo", "sql-lora-1fdg3"],
      ],
      others: [1 + 0.8, 1 + 0.15],
      affinity: [1, 1],
      chosen: 0,
    },
  ])("$id: routes to the server that has the adapter", async ({ model, active, others, affinity, chosen }) => {
    const given = await scores(
      model,
      active.map((adapters) => server(adapters)),
    );
    expect(given).toEqual(affinity);
    const totals = given.map((score, i) => score + others[i]!);
    expect(totals.indexOf(Math.max(...totals))).toBe(chosen);
  });
});
