import { WaitingRequests } from "@pointsman/plugin-api/keys";
import { configIssues, createTestRequest, keptBy, setUpPlugin, value } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { lowQueueFilter } from "../src/low-queue-filter.ts";

async function kept(queues: (number | undefined)[], config: object = {}): Promise<string[]> {
  const { filter, pool } = await setUpPlugin(lowQueueFilter, {
    config,
    endpoints: queues.map((queue) => ({
      name: String(queue),
      attributes: queue === undefined ? [] : [value(WaitingRequests, queue)],
    })),
  });
  return keptBy(filter!, createTestRequest(), pool.candidates());
}

describe("low-queue-filter", () => {
  it("keeps queues up to 128, the unknown one included", async () => {
    expect(await kept([0, 128, 129, undefined])).toEqual(["0", "128", "undefined"]);
  });

  it("keeps everybody when every queue is long", async () => {
    expect(await kept([6, 7], { threshold: 5 })).toEqual(["6", "7"]);
    expect(await kept([6], { threshold: 5 })).toEqual(["6"]);
    expect(await kept([])).toEqual([]);
  });

  it("refuses a threshold that is no count", () => {
    expect(configIssues(lowQueueFilter, { threshold: -1 })[0]).toMatch(/^threshold: /);
    expect(configIssues(lowQueueFilter, { threshold: 1.5 })[0]).toMatch(/^threshold: /);
  });
});
