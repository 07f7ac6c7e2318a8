import { PrefixBlockSize, PrefixMatchBlocks, TokenizedPrompt } from "@pointsman/plugin-api/keys";
import {
  configIssues,
  createTestPool,
  createTestRequest,
  setUpPlugin,
  type TestPool,
  value,
} from "@pointsman/plugin-testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import inflightLoadProducer from "../src/index.ts";
import { answered, ended, endpointOf, loadOf, routed, started } from "./call.ts";

const NAMES = ["pod-a", "pod-b", "pod-c"];
const specs = (names: readonly string[]) => names.map((name, i) => ({ name, host: `10.0.0.${i + 1}`, port: 8000 }));
const pods = (): TestPool => createTestPool(specs(NAMES));
/** 100 tokens at 4 bytes each. */
const prompt = "x".repeat(400);

describe("inflight-load-producer", () => {
  it("counts a request at the first picked endpoint until it has ended, and not twice", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    const request = createTestRequest({ prompt });
    const [a, b] = [endpointOf(pool, "pod-a"), endpointOf(pool, "pod-b")];
    routed(plugin, request, { default: [b, a] });
    expect(loadOf(pool)).toEqual(["0/0", "1/100", "0/0"]);
    answered(plugin, request, b);
    expect(loadOf(pool)).toEqual(["0/0", "1/100", "0/0"]);
    ended(plugin, request);
    ended(plugin, request);
    expect(loadOf(pool)).toEqual(["0/0", "0/0", "0/0"]);
  });

  it("moves to the endpoint that serves as soon as it is known", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    const request = createTestRequest({ prompt });
    routed(plugin, request, { default: [endpointOf(pool, "pod-a"), endpointOf(pool, "pod-c")] });
    answered(plugin, request, endpointOf(pool, "pod-c"));
    expect(loadOf(pool)).toEqual(["0/0", "0/0", "1/100"]);
    ended(plugin, request);
    expect(loadOf(pool)).toEqual(["0/0", "0/0", "0/0"]);
  });

  it("gives everything back at the headers when the proxy answered by itself", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    const request = createTestRequest({ prompt });
    routed(plugin, request, { default: [endpointOf(pool, "pod-a")], prefill: [endpointOf(pool, "pod-b")] });
    answered(plugin, request, undefined);
    expect(loadOf(pool)).toEqual(["0/0", "0/0", "0/0"]);
    ended(plugin, request, "unrouted");
    expect(loadOf(pool)).toEqual(["0/0", "0/0", "0/0"]);
  });

  it.each(["unrouted", "unknown"] as const)(
    "gives everything back when it ends as %s before any headers",
    async (outcome) => {
      const pool = pods();
      const plugin = await started({ pool });
      const request = createTestRequest({ prompt });
      routed(plugin, request, { default: [endpointOf(pool, "pod-a")], prefill: [endpointOf(pool, "pod-b")] });
      ended(plugin, request, outcome);
      expect(loadOf(pool)).toEqual(["0/0", "0/0", "0/0"]);
    },
  );

  it("does nothing at the end of a request that was refused before a choice", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    ended(plugin, createTestRequest(), "rejected");
    expect(loadOf(pool)).toEqual(["0/0", "0/0", "0/0"]);
  });

  it("counts the prefill leg until the answer begins", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    const request = createTestRequest({ prompt });
    routed(plugin, request, { default: [endpointOf(pool, "pod-a")], prefill: [endpointOf(pool, "pod-b")] });
    expect(loadOf(pool)).toEqual(["1/100", "1/100", "0/0"]);
    answered(plugin, request, endpointOf(pool, "pod-a"));
    expect(loadOf(pool)).toEqual(["1/100", "0/0", "0/0"]);
  });

  it("counts every profile that has a result, whatever its name", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    const choices = { default: [endpointOf(pool, "pod-a")], "first-leg": [endpointOf(pool, "pod-c")] };
    routed(plugin, createTestRequest({ prompt }), choices);
    expect(loadOf(pool)).toEqual(["1/100", "0/0", "1/100"]);
  });

  it("keeps parallel requests with one id apart", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    const requests = Array.from({ length: 20 }, () => createTestRequest({ id: "same", prompt }));
    const at = (i: number) => endpointOf(pool, NAMES[i % 2]!);
    for (const [i, request] of requests.entries()) routed(plugin, request, { default: [at(i)] });
    expect(loadOf(pool)).toEqual(["10/1000", "10/1000", "0/0"]);
    for (const [i, request] of requests.entries()) answered(plugin, request, at(i + 1));
    for (const request of requests.slice(0, 15)) ended(plugin, request);
    // Of the last five, three were picked at pod-b and served by pod-a.
    expect(loadOf(pool)).toEqual(["3/300", "2/200", "0/0"]);
    for (const request of requests) ended(plugin, request);
    expect(loadOf(pool)).toEqual(["0/0", "0/0", "0/0"]);
  });

  it("lets two instances count one request each on its own", async () => {
    const pool = pods();
    const one = await started({ pool, name: "one" });
    const two = await started({ pool, name: "two" });
    const request = createTestRequest({ prompt });
    for (const plugin of [one, two]) routed(plugin, request, { default: [endpointOf(pool, "pod-a")] });
    for (const plugin of [one, two]) ended(plugin, request);
    for (const { services } of [one, two]) {
      expect(services.metrics.get("inflight_requests{endpoint_name=pod-a,namespace=default}")).toBe(0);
    }
  });
});

describe("the tokens of a request", () => {
  async function tokensOf(given: Parameters<typeof createTestRequest>[0], config = {}, cached?: [number, number]) {
    const known = cached && [value(PrefixMatchBlocks, cached[0]), value(PrefixBlockSize, cached[1])];
    const pool = createTestPool([{ name: "pod-a", attributes: known ?? [] }]);
    const plugin = await started({ pool, config });
    const request = createTestRequest(given);
    routed(plugin, request, { default: [endpointOf(pool, "pod-a")] });
    return Number(loadOf(pool)[0]!.split("/")[1]);
  }

  it("are estimated at 4 bytes each, or counted where the client sent tokens", async () => {
    expect(await tokensOf({ prompt: "hello" })).toBe(2);
    expect(await tokensOf({ prompt: "" })).toBe(0);
    expect(await tokensOf({ prompt: "é".repeat(10) })).toBe(5);
    expect(await tokensOf({ prompt: [1, 2, 3] })).toBe(3);
  });

  it("are those a producer counted", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    const request = createTestRequest({ prompt });
    request.locals.set(TokenizedPrompt, new Uint32Array(77));
    routed(plugin, request, { default: [endpointOf(pool, "pod-a")] });
    expect(loadOf(pool)[0]).toBe("1/77");
  });

  it("do not include what the endpoint has cached, and are never below 0", async () => {
    expect(await tokensOf({ prompt }, {}, [3, 16])).toBe(52);
    expect(await tokensOf({ prompt }, {}, [0, 16])).toBe(100);
    expect(await tokensOf({ prompt }, {}, [10, 64])).toBe(0);
  });

  it("include the expected answer when asked for, up to the limits of config and request", async () => {
    const config = { addEstimatedOutputTokens: true };
    expect(await tokensOf({ prompt }, config)).toBe(250);
    expect(await tokensOf({ prompt }, { ...config, outputRatio: 0.5 })).toBe(150);
    expect(await tokensOf({ prompt }, { ...config, maxEstimatedOutputTokens: 20 })).toBe(120);
    expect(await tokensOf({ prompt, maxOutputTokens: 7 }, config)).toBe(107);
    expect(await tokensOf({ prompt }, config, [3, 16])).toBe(202);
  });
});

describe("when the pool changes", () => {
  it("publishes 0 for the endpoints at start and for those that join", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    expect(loadOf(pool)).toEqual(["0/0", "0/0", "0/0"]);
    pool.datastore.replace(specs([...NAMES, "pod-d"]));
    expect(loadOf(pool)).toEqual(["0/0", "0/0", "0/0", "0/0"]);
    expect(plugin.services.metrics.get("inflight_tokens{endpoint_name=pod-d,namespace=default}")).toBe(0);
  });

  it("starts an endpoint that comes back at 0, and old requests do not take it below", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    const [old, young] = [createTestRequest({ prompt }), createTestRequest({ prompt })];
    routed(plugin, old, { default: [endpointOf(pool, "pod-a")] });
    pool.datastore.replace(specs(["pod-x", "pod-b", "pod-c"]));
    expect([...plugin.services.metrics.keys()].filter((key) => key.includes("pod-a"))).toEqual([]);
    pool.datastore.replace(specs(NAMES));
    expect(loadOf(pool)[0]).toBe("0/0");
    routed(plugin, young, { default: [endpointOf(pool, "pod-a")] });
    answered(plugin, old, endpointOf(pool, "pod-a"));
    ended(plugin, old);
    expect(loadOf(pool)[0]).toBe("1/100");
    ended(plugin, young);
    expect(loadOf(pool)[0]).toBe("0/0");
  });

  it("starts an endpoint that changed its address at 0", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    const request = createTestRequest({ prompt });
    routed(plugin, request, { default: [endpointOf(pool, "pod-a")] });
    pool.datastore.replace([{ name: "pod-a", host: "10.0.9.9", port: 8000 }]);
    expect(loadOf(pool)).toEqual(["0/0"]);
    ended(plugin, request);
    expect(loadOf(pool)).toEqual(["0/0"]);
  });

  it("survives endpoints that left between choice and record, or serve without being in the pool", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    const [gone, b] = [endpointOf(pool, "pod-a"), endpointOf(pool, "pod-b")];
    pool.datastore.replace(specs(["pod-x", "pod-b"]));
    const [one, two] = [createTestRequest({ prompt }), createTestRequest({ prompt })];
    routed(plugin, one, { default: [gone] });
    routed(plugin, two, { default: [b] });
    answered(plugin, one, b);
    answered(plugin, two, gone);
    expect(loadOf(pool)).toEqual(["0/0", "1/100"]);
    ended(plugin, one);
    ended(plugin, two);
    expect(loadOf(pool)).toEqual(["0/0", "0/0"]);
  });

  it("comes back to 0 and never below, whatever the order of events", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    const event = fc.record({ kind: fc.nat(3), request: fc.nat(4), endpoint: fc.nat(2), second: fc.nat(2) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const requests = new Map<number, ReturnType<typeof createTestRequest>>();
        for (const { kind, request: n, endpoint, second } of events) {
          const at = pool.candidates();
          const [picked, other] = [at[endpoint % at.length]!, at[second % at.length]!];
          const request = requests.get(n);
          if (kind === 3) pool.datastore.replace(specs(NAMES.filter((_, i) => i !== endpoint)));
          else if (request === undefined) {
            const fresh = createTestRequest({ prompt });
            requests.set(n, fresh);
            routed(plugin, fresh, { default: [picked], prefill: [other] });
          } else if (kind === 0) answered(plugin, request, second === 2 ? undefined : other);
          else ended(plugin, request);
          for (const load of loadOf(pool)) expect(load).toMatch(/^\d+\/\d+$/);
        }
        for (const request of requests.values()) ended(plugin, request);
        expect(new Set(loadOf(pool))).toEqual(new Set(["0/0"]));
      }),
      { numRuns: 100, seed: 8 },
    );
  });
});

describe("at a reload and at the stop", () => {
  it("goes on with the counts of the instance before, whose requests end later", async () => {
    const pool = pods();
    const before = await started({ pool });
    const [old, young] = [createTestRequest({ prompt }), createTestRequest({ prompt })];
    routed(before, old, { default: [endpointOf(pool, "pod-a")] });
    const after = await started({
      pool,
      config: { addEstimatedOutputTokens: true },
      previous: before.handOver!(),
    });
    expect(loadOf(pool)[0]).toBe("1/100");
    routed(after, young, { default: [endpointOf(pool, "pod-a")] });
    expect(loadOf(pool)[0]).toBe("2/350");
    ended(before, old);
    await before.shutDown();
    expect(loadOf(pool)[0]).toBe("1/250");
    ended(after, young);
    expect(loadOf(pool)[0]).toBe("0/0");
    expect(after.services.metrics.get("inflight_requests{endpoint_name=pod-a,namespace=default}")).toBe(0);
  });

  it("leaves the counts to the instance before until it is started", async () => {
    const pool = pods();
    const before = await started({ pool });
    routed(before, createTestRequest({ prompt }), { default: [endpointOf(pool, "pod-a")] });
    const after = await setUpPlugin(inflightLoadProducer, { pool, previous: before.handOver!() });
    expect(after.services.metrics.size).toBe(0);
    expect(loadOf(pool)[0]).toBe("1/100");
  });

  it("starts afresh after a predecessor it does not know", async () => {
    const pool = pods();
    await started({ pool, previous: { rows: [] } });
    expect(loadOf(pool)).toEqual(["0/0", "0/0", "0/0"]);
  });

  it("publishes nothing any more once it is stopped", async () => {
    const pool = pods();
    const plugin = await started({ pool });
    const request = createTestRequest({ prompt });
    routed(plugin, request, { default: [endpointOf(pool, "pod-a")] });
    await plugin.shutDown();
    pool.datastore.replace(specs([...NAMES, "pod-d"]));
    ended(plugin, request);
    expect(loadOf(pool)).toEqual(["1/100", "0/0", "0/0", "undefined/undefined"]);
  });
});

describe("the options", () => {
  it("of llm-d are all accepted", () => {
    const config = {
      addEstimatedOutputTokens: true,
      outputRatio: 2,
      maxEstimatedOutputTokens: 100,
      prefixMatchInfoProducerName: "prefix",
      syncCrossReplicaState: true,
    };
    expect(configIssues(inflightLoadProducer, config)).toEqual([]);
  });

  it("are refused where they make no sense", () => {
    expect(configIssues(inflightLoadProducer, { outputRatio: -1 })).toEqual([expect.stringMatching(/^outputRatio: /)]);
    expect(configIssues(inflightLoadProducer, { maxEstimatedOutputTokens: 0 })).toHaveLength(1);
  });
});
