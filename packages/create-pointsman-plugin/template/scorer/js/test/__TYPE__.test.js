import { WaitingRequests } from "@pointsman/plugin-api/keys";
import { createTestPool, createTestRequest, scoresOf, setUpPlugin, value } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import plugin from "../src/index.js";

const pool = createTestPool([
  { name: "idle", attributes: [value(WaitingRequests, 0)] },
  { name: "half-full", attributes: [value(WaitingRequests, 32)] },
  { name: "full", attributes: [value(WaitingRequests, 500)] },
  { name: "silent" },
]);

async function scores(config = {}) {
  const { scorer } = await setUpPlugin(plugin, { config, pool });
  return scoresOf(scorer, createTestRequest(), pool.candidates());
}

describe("__TYPE__", () => {
  it("rates the room in the queue, and has no opinion of an endpoint that has not reported", async () => {
    expect(await scores()).toEqual([1, 0.5, 0, Number.NaN]);
  });

  it("takes the length of a full queue from its options", async () => {
    expect(await scores({ full: 1_000 })).toEqual([1, 0.968, 0.5, Number.NaN]);
  });
});
