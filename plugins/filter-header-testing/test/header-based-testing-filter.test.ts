import { createTestRequest, keptBy, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { headerBasedTestingFilter } from "../src/header-based-testing-filter.ts";

const HEADER = "test-epp-endpoint-selection";
const threeIps = [1, 2, 3].map((i) => ({ name: `ip${i}`, host: `10.0.0.${i}`, port: 8080 }));
const dataParallel = [1, 2, 3].flatMap((i) =>
  [3000, 3002, 3004].map((port) => ({ name: `ip${i}:${port}`, host: `10.0.0.${i}`, port })),
);
const ipv6 = [
  { name: "six-a", host: "fd00::1", port: 8000 },
  { name: "six-b", host: "fd00::1", port: 8001 },
  { name: "six-c", host: "fd00::2", port: 8000 },
];

async function kept(
  endpoints: readonly { name: string; host: string; port: number }[],
  headers: Record<string, string>,
  config: object = {},
): Promise<string[]> {
  const { filter, pool } = await setUpPlugin(headerBasedTestingFilter, { config, endpoints });
  return keptBy(filter!, createTestRequest({ headers }), pool.candidates());
}

describe("header-based-testing-filter", () => {
  it("keeps the pinned endpoint (K01)", async () => {
    expect(await kept(threeIps, { [HEADER]: "10.0.0.2" })).toEqual(["ip2"]);
  });

  it.each<[string, string[]]>([
    ["10.0.0.2", ["ip2:3000", "ip2:3002", "ip2:3004"]],
    ["10.0.0.1,10.0.0.3:3002", ["ip1:3000", "ip1:3002", "ip1:3004", "ip3:3002"]],
    [
      "10.0.0.1, 10.0.0.2:3000 ,,10.0.0.2:3004, 10.0.0.3",
      ["ip1:3000", "ip1:3002", "ip1:3004", "ip2:3000", "ip2:3004", "ip3:3000", "ip3:3002", "ip3:3004"],
    ],
    ["10.0.0.1:3001", []],
    ["10.0.0.1:3000x", []],
  ])("respects ports: %s (K03)", async (pin, names) => {
    expect(await kept(dataParallel, { [HEADER]: pin })).toEqual(names);
  });

  it("ignores addresses outside the pool (K04), and keeps nobody when there are only such (K07)", async () => {
    const own = "10.0.0.1,10.0.0.2,10.0.0.3";
    expect(await kept(threeIps, { [HEADER]: `${own},10.9.9.1,10.9.9.2,10.9.9.3` })).toEqual(["ip1", "ip2", "ip3"]);
    expect(await kept(threeIps, { [HEADER]: "10.9.9.1" })).toEqual([]);
  });

  it("answers 503 when nobody is left (K07)", async () => {
    const { filter } = await setUpPlugin(headerBasedTestingFilter);
    expect(filter).toMatchObject({ empties: "ineligible", onError: "reject" });
  });

  it.each<[string, string[]]>([
    ["fd00::1", ["six-a", "six-b"]],
    ["[fd00::1]", ["six-a", "six-b"]],
    ["[FD00::1]:8001,[fd00::2]:8001", ["six-b"]],
  ])("understands IPv6: %s", async (pin, names) => {
    expect(await kept(ipv6, { [HEADER]: pin })).toEqual(names);
  });

  it("without the header keeps nobody, or everybody with whenAbsent: pass", async () => {
    const all = ["ip1", "ip2", "ip3"];
    expect(await kept(threeIps, {})).toEqual([]);
    expect(await kept(threeIps, { [HEADER]: " , " })).toEqual([]);
    expect(await kept(threeIps, {}, { whenAbsent: "pass" })).toEqual(all);
    expect(await kept(threeIps, { [HEADER]: "" }, { whenAbsent: "pass" })).toEqual(all);
  });

  it("reads another header when told so", async () => {
    const headers = { "X-Pin": "10.0.0.3", [HEADER]: "10.0.0.1" };
    expect(await kept(threeIps, headers, { headerName: "x-pin" })).toEqual(["ip3"]);
  });
});
