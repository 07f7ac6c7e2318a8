import type { Plugin } from "@pointsman/plugin-api";
import {
  configIssues,
  createTestPool,
  createTestRequest,
  keptBy,
  scoresOf,
  setUpPlugin,
  type TestPool,
} from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { sessionAffinityFilter } from "../src/session-affinity-filter.ts";
import { sessionAffinityScorer } from "../src/session-affinity-scorer.ts";
import { encodeSessionToken } from "../src/session-token.ts";
import { route } from "./route.ts";

const pods = (): TestPool => createTestPool([{ name: "pod-a" }, { name: "pod-b" }, { name: "pod-c" }]);
const withToken = (token: string, header = "x-session-token") => createTestRequest({ headers: { [header]: token } });
const both: readonly (readonly [string, Plugin])[] = [
  ["session-affinity-scorer", sessionAffinityScorer],
  ["session-affinity-filter", sessionAffinityFilter],
];

describe("session-affinity-scorer", () => {
  it("gives 1 to the endpoint of the token and 0 to the others", async () => {
    const pool = pods();
    const { scorer } = await setUpPlugin(sessionAffinityScorer, { pool });
    const request = withToken(encodeSessionToken("default/pod-b"));
    expect(scoresOf(scorer!, request, pool.candidates())).toEqual([0, 1, 0]);
  });

  it.each([
    ["no token", {}],
    ["an empty one", { "x-session-token": "" }],
    ["a malformed one", { "x-session-token": "%%%" }],
    ["one of an endpoint that is gone", { "x-session-token": encodeSessionToken("default/pod-z") }],
    ["one of another namespace", { "x-session-token": encodeSessionToken("other/pod-b") }],
    ["a huge one", { "x-session-token": "QUFB".repeat(100_000) }],
  ])("gives 0 to everybody for %s", async (_what, headers) => {
    const pool = pods();
    const { scorer } = await setUpPlugin(sessionAffinityScorer, { pool });
    expect(scoresOf(scorer!, createTestRequest({ headers }), pool.candidates())).toEqual([0, 0, 0]);
  });

  it("has nothing to rate in an empty pool", async () => {
    const { scorer, pool } = await setUpPlugin(sessionAffinityScorer);
    expect(scoresOf(scorer!, withToken(encodeSessionToken("default/pod-a")), pool.candidates())).toEqual([]);
  });
});

describe("session-affinity-filter", () => {
  it("keeps only the endpoint of the token, and all when it is no candidate", async () => {
    const pool = pods();
    const { filter } = await setUpPlugin(sessionAffinityFilter, { pool });
    const request = withToken(encodeSessionToken("default/pod-b"));
    expect(keptBy(filter!, request, pool.candidates())).toEqual(["pod-b"]);
    const withoutIt = pool.candidates().narrow(Uint8Array.of(1, 0, 1));
    expect(keptBy(filter!, request, withoutIt)).toEqual(["pod-a", "pod-c"]);
    expect(keptBy(filter!, createTestRequest(), pool.candidates())).toEqual(["pod-a", "pod-b", "pod-c"]);
  });
});

describe.each(both)("%s hands out a token", (_type, plugin) => {
  it("that brings the next request to the same endpoint (S01)", async () => {
    const subject = await setUpPlugin(plugin, { pool: pods() });
    const first = route(subject, { request: createTestRequest(), otherwise: "pod-b" });
    expect(first.answer).toEqual({ "x-session-token": "ZGVmYXVsdC9wb2QtYg==" });
    const second = route(subject, { request: withToken(first.answer["x-session-token"]!), otherwise: "pod-c" });
    expect(second).toEqual(first);
  });

  it("that names the endpoint which served, not the one that was picked", async () => {
    const subject = await setUpPlugin(plugin, { pool: pods() });
    const { answer } = route(subject, { request: createTestRequest(), otherwise: "pod-a", served: "pod-c" });
    expect(answer).toEqual({ "x-session-token": encodeSessionToken("default/pod-c") });
  });

  it("not when the proxy answered by itself", async () => {
    const subject = await setUpPlugin(plugin, { pool: pods() });
    expect(route(subject, { request: createTestRequest(), served: null }).answer).toEqual({});
  });

  it("in the header of the config, written in any case (S03)", async () => {
    const config = { encodedEndpointHeaderConfig: { header: "X-My-Session" } };
    const subject = await setUpPlugin(plugin, { pool: pods(), config });
    const token = encodeSessionToken("default/pod-c");
    const routed = route(subject, { request: withToken(token, "x-my-session") });
    expect(routed).toEqual({ picked: "pod-c", answer: { "x-my-session": token } });
    expect(route(subject, { request: withToken(token) }).picked).toBe("pod-a");
  });

  it("for another profile than the primary one: of its choice, and none when it did not run (S06)", async () => {
    const pool = pods();
    const config = { profileName: "prefill", encodedEndpointHeaderConfig: { header: "x-prefill-session" } };
    const prefill = await setUpPlugin(plugin, { pool, name: "prefill-affinity", config });
    const decode = await setUpPlugin(plugin, { pool, name: "decode-affinity", config: { profileName: "decode" } });
    const split = { request: createTestRequest(), otherwise: "pod-a", served: "pod-b", others: { prefill: "pod-c" } };
    expect(route(prefill, split).answer).toEqual({ "x-prefill-session": encodeSessionToken("default/pod-c") });
    expect(route(decode, split).answer).toEqual({ "x-session-token": encodeSessionToken("default/pod-b") });
    const whole = { request: createTestRequest(), otherwise: "pod-a" };
    expect(route(prefill, whole).answer).toEqual({});
    expect(route(decode, whole).answer).toEqual({ "x-session-token": encodeSessionToken("default/pod-a") });
  });

  it.each([
    [{ strategy: "cookie" }, /^strategy: /],
    [{ encodedEndpointHeaderConfig: { header: "x session" } }, /^encodedEndpointHeaderConfig.header: /],
    [{ sessionIdConfig: { sources: [] } }, /^sessionIdConfig.sources: /],
    [{ sessionIdConfig: { sources: [{ header: "a", attribute: "agent-identity" }] } }, /^sessionIdConfig.sources.0: /],
    [{ sessionIdConfig: { sources: [{ attribute: "Nobody" }] } }, /^sessionIdConfig.sources.0/],
    [{ sessionIdConfig: { evictionTtlSeconds: 0 } }, /^sessionIdConfig.evictionTtlSeconds: /],
    [{ sessionIdConfig: { maxSessions: 0 } }, /^sessionIdConfig.maxSessions: /],
    [{ header: "x" }, /header/],
  ])("and refuses %o, naming the place", (config, place) => {
    expect(configIssues(plugin, config)).toEqual([expect.stringMatching(place)]);
  });
});
