import { createExtProcClient, type ExtProcClient } from "@pointsman/ext-proc";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
// One notation for streams is enough.
import { destinationOf, forwarded } from "../acceptance/harness/expectations.ts";
import { HEnd, type Message, md, plain, RHEnd, served } from "../acceptance/harness/notation.ts";
import { replay } from "../acceptance/harness/replay.ts";
import { type ControlPlane, startControlPlane } from "./harness/control-plane.ts";
import { describeWithControlPlane } from "./harness/describe-with-control-plane.ts";
import { create, deleteAllPods, grant, inferencePools, installCrds, poolOf, startPod } from "./harness/objects.ts";
import { until } from "./harness/poll.ts";
import { startWatching, type WatchingPicker } from "./harness/watching-picker.ts";

const PIN = "test-epp-endpoint-selection";
const SERVED = "x-conformance-test-served-endpoint";
const BODY = '{"model":"conformance-fake-model","prompt":"Write as if you were a critic: San Francisco"}';

interface Served {
  readonly picker: WatchingPicker;
  readonly client: ExtProcClient;
}

/**
 * The picker's half of the conformance tests of the Gateway API Inference Extension, each under its name, with the
 * suite's pools and pods as objects of a real API server. The gateway's half needs a gateway.
 */
describeWithControlPlane("conformance", () => {
  let plane: ControlPlane;
  let pickers: Served[] = [];

  beforeAll(async () => {
    plane = await startControlPlane();
    await installCrds(plane.admin);
    await grant(plane.admin);
  }, 180_000);
  afterEach(async () => {
    for (const { client } of pickers) client.close();
    await Promise.all(pickers.map(({ picker }) => picker.stop()));
    pickers = [];
    await deleteAllPods(plane.admin);
  });
  afterAll(() => plane?.stop());

  /** A pool with three pods, and a picker in conformance mode that knows them. */
  async function pooled(name: string, net: string, ports = [3000], spec: object = {}): Promise<Served> {
    const pool = poolOf(name, name, ports) as { spec: object };
    await create(plane.admin, inferencePools, { ...pool, spec: { ...pool.spec, ...spec } });
    for (const n of [0, 1, 2]) await startPod(plane.admin, `${name}-${n}`, name, `${net}.${n}`);
    const picker = startWatching({
      kubeconfig: plane.kubeconfig("picker"),
      pool: name,
      plugins: [
        { type: "header-based-testing-filter", parameters: { whenAbsent: "pass" } },
        { type: "conformance-echo" },
      ],
      profile: ["header-based-testing-filter"],
    });
    const { ports: open } = await picker.up;
    await until("the pods", () => picker.addresses()?.length === 3 * ports.length);
    const pooled = { picker, client: createExtProcClient({ address: `127.0.0.1:${open.grpc}` }) };
    pickers.push(pooled);
    return pooled;
  }

  const pinned = (pin: string, id: string): Message[] => plain(BODY, { [PIN]: pin, "x-request-id": id });
  /** Who was chosen in 100 requests, 10 at a time. */
  async function chosen({ client }: Served, pin: string): Promise<string[]> {
    const destinations = new Set<string>();
    for (let block = 0; block < 10; block += 1) {
      const ids = Array.from({ length: 10 }, (_, i) => `${block}-${i}`);
      const replays = await Promise.all(ids.map((id) => replay(client, pinned(pin, id))));
      for (const one of replays) destinations.add(destinationOf(one));
    }
    return [...destinations].sort();
  }
  /** What the answer to the client says of who served, when the gateway reports it. */
  async function reported({ client }: Served, pin: string, by: string): Promise<string | undefined> {
    const answer = md(RHEnd({ ":status": "200" }), served(by));
    const result = forwarded(await replay(client, [...pinned(pin, "r"), answer]), "response");
    return new Map(result.headers).get(SERVED);
  }
  const bodyless = async ({ client }: Served): Promise<string> =>
    destinationOf(await replay(client, [HEnd({ ":method": "GET", ":path": "/", "x-request-id": "g" })]));

  it("GatewayDestinationEndpointServed: each pinned pod is picked, and the one that served is reported", async () => {
    const primary = await pooled("served", "10.21.0");
    for (const n of [0, 1, 2]) {
      const address = `10.21.0.${n}:3000`;
      expect(await chosen(primary, `10.21.0.${n}`)).toEqual([address]);
      expect(await reported(primary, `10.21.0.${n}`, address)).toBe(address);
    }
    // The gateway's word counts, not what was picked.
    expect(await reported(primary, "10.21.0.0", "10.21.0.2:3000")).toBe("10.21.0.2:3000");
  });

  it("GatewayFollowingEPPRouting: 100 requests stay within the listed pods, for lists of 1, 2 and 3", async () => {
    const primary = await pooled("following", "10.22.0");
    const ips = ["10.22.0.0", "10.22.0.1", "10.22.0.2"];
    for (const count of [1, 2, 3]) {
      const list = ips.slice(0, count);
      expect(await chosen(primary, list.join(","))).toEqual(list.map((ip) => `${ip}:3000`));
    }
  });

  it("GatewayFollowingEPPRoutingWithDataParallelism: any port of a listed address, only the listed port else", async () => {
    const dp = await pooled("dp", "10.23.0", [3000, 3002, 3004]);
    const all = (n: number) => [3000, 3002, 3004].map((port) => `10.23.0.${n}:${port}`);
    expect(await chosen(dp, "10.23.0.1")).toEqual(all(1));
    expect(await chosen(dp, "10.23.0.0,10.23.0.2:3002")).toEqual([...all(0), "10.23.0.2:3002"]);
    const mixed = await chosen(dp, "10.23.0.0,10.23.0.1:3000,10.23.0.1:3004,10.23.0.2");
    expect(mixed).toEqual([...all(0), "10.23.0.1:3000", "10.23.0.1:3004", ...all(2)]);
  });

  it("GatewayWeightedAcrossTwoInferencePools: each picker takes only pods of its own pool from the union", async () => {
    const [primary, secondary] = [await pooled("first", "10.24.0"), await pooled("second", "10.25.0")];
    const own = (net: string) => [0, 1, 2].map((n) => `${net}.${n}:3000`);
    const union = ["10.24.0", "10.25.0"].flatMap((net) => [0, 1, 2].map((n) => `${net}.${n}`)).join(",");
    expect(await chosen(primary, union)).toEqual(own("10.24.0"));
    expect(await chosen(secondary, union)).toEqual(own("10.25.0"));
  });

  it.each([
    ["h2c", 3001, { appProtocol: "kubernetes.io/h2c" }],
    ["http", 3000, { appProtocol: "http" }],
    ["default", 3000, {}],
  ])("InferencePoolAppProtocol: a pool of protocol %s is served on its port %d", async (name, port, spec) => {
    const pool = await pooled(`protocol-${name}`, "10.26.0", [port], spec);
    for (const n of [0, 1, 2]) {
      const address = `10.26.0.${n}:${port}`;
      expect(await chosen(pool, address)).toEqual([address]);
      expect(await reported(pool, address, address)).toBe(address);
    }
  });

  it.each(["HTTPRouteMultipleGatewaysDifferentPools", "HTTPRouteMultipleRulesDifferentPools"])(
    "%s: a GET without a body reaches a pod of the pool whose picker was asked",
    async (name) => {
      const short = name.toLowerCase().slice(0, 20);
      const primary = await pooled(`${short}-a`, "10.27.0");
      const secondary = await pooled(`${short}-b`, "10.28.0");
      for (let i = 0; i < 20; i += 1) {
        expect(await bodyless(primary)).toMatch(/^10\.27\.0\.[012]:3000$/);
        expect(await bodyless(secondary)).toMatch(/^10\.28\.0\.[012]:3000$/);
      }
    },
  );
});
