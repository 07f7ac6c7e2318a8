import type { Choice, Endpoint } from "@pointsman/plugin-api";
import { createTestPool, createTestRequest, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import plugin from "../src/index.ts";

const pool = createTestPool([{ name: "pod-a" }, { name: "pod-b" }]);

/** The headers that are set on the way to the model server. */
async function headersFor(picked: readonly Endpoint[], config: object = {}): Promise<Map<string, string>> {
  const { postChoice } = await setUpPlugin(plugin, { config, pool });
  const headers = new Map<string, string>();
  const choice: Choice = {
    picked,
    primaryProfile: "default",
    profiles: ["default"],
    result: () => undefined,
    setHeader: (name, value) => void headers.set(name, value),
    removeHeader: () => {},
    setBodyField: () => {},
  };
  postChoice!(createTestRequest(), choice);
  return headers;
}

describe("__TYPE__", () => {
  it("names the picked endpoint in a header", async () => {
    const [a, b] = pool.candidates();
    expect([...(await headersFor([b!, a!]))]).toEqual([["x-picked-endpoint", "pod-b"]]);
    expect([...(await headersFor([a!], { header: "x-pod" }))]).toEqual([["x-pod", "pod-a"]]);
  });

  it("counts how requests end", async () => {
    const { afterResponse, services } = await setUpPlugin(plugin, { config: {}, pool });
    for (const outcome of ["ended", "unrouted", "ended"] as const) {
      const completion = { outcome, served: undefined, status: 200, usage: undefined, durationMs: 1 };
      afterResponse!(createTestRequest(), completion);
    }
    expect(services.metrics.get("ended_requests_total{outcome=ended}")).toBe(2);
    expect(services.metrics.get("ended_requests_total{outcome=unrouted}")).toBe(1);
  });
});
