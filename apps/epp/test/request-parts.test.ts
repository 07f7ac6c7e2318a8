import { createHeaderList } from "@pointsman/ext-proc";
import type { Endpoint } from "@pointsman/plugin-api";
import { createTestPool } from "@pointsman/plugin-testkit";
import { seededRandom } from "@pointsman/scheduling";
import { describe, expect, it } from "vitest";
import { assertHeader } from "../src/request/collected-choice.ts";
import { allControlHeaders, distrusted, headersToRemove, readControl } from "../src/request/control-headers.ts";
import { poolCandidates } from "../src/request/pool-candidates.ts";
import { toRejection } from "../src/request/refusals.ts";
import { pathOf } from "../src/request/request-path.ts";
import { tenantOf } from "../src/request/tenant.ts";
import { servedEndpoint } from "../src/response/served-endpoint.ts";

describe("control headers", () => {
  const headers = createHeaderList([
    ["x-gateway-inference-objective", "old"],
    ["X-LLM-D-Inference-Objective", "new"],
    ["x-gateway-model-name-rewrite", "target"],
    ["x-prefiller-host-port", "6.6.6.6:1"],
    ["authorization", "Bearer x"],
  ]);

  it("prefer the current name over its alias", () => {
    expect(readControl(headers, "objective", allControlHeaders)).toBe("new");
    expect(readControl(headers, "rewrite", allControlHeaders)).toBe("target");
  });

  it("say nothing when they are not trusted, and are hidden with all their aliases", () => {
    const trusted = new Set(["rewrite"] as const);
    expect(readControl(headers, "objective", trusted)).toBeUndefined();
    expect(distrusted(trusted)).toContain("x-gateway-inference-objective");
    expect(distrusted(trusted)).not.toContain("x-llm-d-model-name-rewrite");
  });

  it("are removed before the model server, honoured or not, as are routing headers; others stay", () => {
    expect(headersToRemove(headers).sort()).toEqual([
      "x-gateway-inference-objective",
      "x-gateway-model-name-rewrite",
      "x-llm-d-inference-objective",
      "x-prefiller-host-port",
    ]);
  });
});

describe("the tenant (M21, M22)", () => {
  const of = (...pairs: [string, string][]) => tenantOf(createHeaderList(pairs), allControlHeaders);

  it("is the fairness header, else the agent's session in order of preference, else default-flow", () => {
    expect(of(["x-llm-d-inference-fairness-id", "user-123"], ["session-id", "abc"])).toBe("user-123");
    expect(of(["session_id", "d"], ["session-id", "c"], ["x-session-affinity", "b"])).toBe("b");
    expect(of(["x-claude-code-session-id", "a"], ["x-session-affinity", "b"])).toBe("a");
    expect(of(["x-other", "z"])).toBe("default-flow");
  });
});

describe("the path", () => {
  it("loses its query and trailing slashes and may come from another header", () => {
    expect(pathOf(createHeaderList([[":path", "/v1/messages/?beta=true"]]))).toBe("/v1/messages");
    expect(pathOf(createHeaderList([["x-original-path", "/v1/responses"]]))).toBe("/v1/responses");
    expect(pathOf(createHeaderList([]))).toBe("/v1/completions");
    expect(pathOf(createHeaderList([[":path", "/"]]))).toBe("/");
  });
});

describe("seeded random", () => {
  const take = (next: () => number) => Array.from({ length: 5 }, next);

  it("repeats for the same seed and differs for every part of it", () => {
    expect(take(seededRandom("run", "id", "a"))).toEqual(take(seededRandom("run", "id", "a")));
    expect(take(seededRandom("run", "id", "a"))).not.toEqual(take(seededRandom("run", "id", "b")));
    expect(take(seededRandom("run", "ida"))).not.toEqual(take(seededRandom("run", "id", "a")));
  });

  it("is uniform enough to break ties", () => {
    let low = 0;
    for (let i = 0; i < 10_000; i += 1) if (seededRandom("run", `request-${i}`, "picker")() < 0.5) low += 1;
    expect(low).toBeGreaterThan(4_700);
    expect(low).toBeLessThan(5_300);
  });
});

describe("the candidates of a request", () => {
  const pool = createTestPool([{ host: "10.0.0.1" }, { host: "10.0.0.1", port: 8001 }, { host: "10.0.0.2" }]);
  const addresses = (subset?: readonly string[]): string[] =>
    poolCandidates(pool.datastore.snapshot(), subset).map(({ address }) => address);

  it("are all ready endpoints, within the subset hint, ports respected", () => {
    expect(addresses()).toHaveLength(3);
    expect(addresses(["10.0.0.1:8001"])).toEqual(["10.0.0.1:8001"]);
    expect(addresses(["10.0.0.1"])).toHaveLength(2);
    expect(addresses([])).toEqual([]);
  });

  it("leave out endpoints that are not ready", () => {
    pool.datastore.setReady("default/pod-0", false);
    expect(addresses()).toEqual(["10.0.0.1:8001", "10.0.0.2:8000"]);
    expect(addresses(["10.0.0.1"])).toEqual(["10.0.0.1:8001"]);
    pool.datastore.setReady("default/pod-0", true);
  });
});

describe("who served", () => {
  const pool = createTestPool([{ host: "10.0.0.1" }, { host: "10.0.0.2" }, { host: "10.0.0.3" }]);
  const snapshot = pool.datastore.snapshot();
  const picked = snapshot.endpoints.slice(0, 2) as Endpoint[];
  const served = (status: number, told?: string, ...headers: [string, string][]) =>
    servedEndpoint(
      { headers: createHeaderList(headers), status, served: told, endOfStream: false },
      picked,
      picked.map(({ address }) => address),
      snapshot,
    )?.host;

  it("is what the proxy tells, also when it is a fallback or was not picked at all", () => {
    expect(served(200, "10.0.0.2:8000")).toBe("10.0.0.2");
    expect(served(200, "10.0.0.3:8000")).toBe("10.0.0.3");
    expect(served(200, "9.9.9.9:1")).toBeUndefined();
  });

  it("is the picked endpoint behind the port that a plugin has set", () => {
    const input = { headers: createHeaderList([]), status: 200, served: "10.0.0.2:9000", endOfStream: false };
    const sentTo = ["10.0.0.1:9000", "10.0.0.2:9000"];
    expect(servedEndpoint(input, picked, sentTo, snapshot)?.address).toBe("10.0.0.2:8000");
  });

  it("is the first picked one where the proxy tells nothing", () => {
    expect(served(200)).toBe("10.0.0.1");
    expect(served(500)).toBe("10.0.0.1");
  });

  it("is nobody for the proxy's own replies, but somebody when an upstream says 503 itself", () => {
    expect(served(503)).toBeUndefined();
    expect(served(504)).toBeUndefined();
    expect(served(503, undefined, ["x-envoy-upstream-service-time", "3"])).toBe("10.0.0.1");
  });
});

describe("headers that plugins set", () => {
  it("must be valid and not the picker's own", () => {
    expect(() => assertHeader("x-ok", "value")).not.toThrow();
    for (const [name, value] of [
      ["X-Upper", "v"],
      ["x y", "v"],
      ["", "v"],
      ["x-ok", "a\r\nb"],
      ["content-length", "1"],
      [":path", "/"],
    ]) {
      expect(() => assertHeader(name!, value!), name).toThrow(TypeError);
    }
  });
});

describe("a rejection", () => {
  it("has JSON, a reason, and Retry-After on 429 and 503 only", () => {
    const of = (status: number) =>
      toRejection(
        { status, code: "Code", message: "why", reason: "rejected-saturated", retryAfterMs: 1_500 },
        undefined,
      );
    expect(of(429).headers).toContainEqual(["retry-after", "2"]);
    expect(of(503).headers).toContainEqual(["retry-after", "2"]);
    expect(of(400).headers.map(([name]) => name)).not.toContain("retry-after");
    expect(of(400).headers).toContainEqual(["x-llm-d-request-dropped-reason", "rejected-saturated"]);
    expect(JSON.parse(Buffer.from(of(400).body).toString())).toEqual({
      error: { message: "inference error: Code - why", type: "invalid_request_error", param: null, code: "Code" },
    });
  });

  it("survives a parser that cannot write errors", () => {
    const parser = {
      claims: [],
      parse: () => undefined,
      errorBody: () => {
        throw new Error("no");
      },
    };
    expect(toRejection({ status: 500, code: "Internal", message: "m" }, parser).body.length).toBeGreaterThan(0);
  });
});
