import type { Plugin, RequestView } from "@pointsman/plugin-api";
import { defineRequestKey } from "@pointsman/plugin-api";
import { openPlugin } from "@pointsman/plugin-api/internal";
import { SessionId } from "@pointsman/plugin-api/keys";
import { createTestPool, createTestRequest, type PluginUnderTest, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { sessionAffinityFilter } from "../src/session-affinity-filter.ts";
import { sessionAffinityScorer } from "../src/session-affinity-scorer.ts";
import { choose, finish, route } from "./route.ts";

type SessionIdConfig = Readonly<Record<string, unknown>>;

function setUp(plugin: Plugin, sessionIdConfig: SessionIdConfig = {}, previous?: unknown): Promise<PluginUnderTest> {
  const pool = createTestPool([{ name: "pod-a" }, { name: "pod-b" }, { name: "pod-c" }]);
  return setUpPlugin(plugin, { pool, config: { strategy: "session_id", sessionIdConfig }, previous });
}

const inSession = (session: string, now = 1_000_000): RequestView =>
  createTestRequest({ headers: { "x-session-id": session }, now });

const both: readonly (readonly [string, Plugin])[] = [
  ["session-affinity-scorer", sessionAffinityScorer],
  ["session-affinity-filter", sessionAffinityFilter],
];

describe.each(both)("%s with session ids", (_type, plugin) => {
  it("pins each session to the endpoint of its first request and writes nothing into answers (S04)", async () => {
    const sources = [{ header: "x-session-id" }, { attribute: "agent-identity", producer: "agent-identity" }];
    const subject = await setUp(plugin, { sources });
    const agent = { "x-claude-code-session-id": "agent-B" };
    const first = route(subject, { request: inSession("sess-A"), otherwise: "pod-b" });
    route(subject, { request: createTestRequest({ headers: agent }), otherwise: "pod-c" });
    expect(first).toEqual({ picked: "pod-b", answer: {} });
    for (let i = 0; i < 10; i += 1) {
      expect(route(subject, { request: inSession("sess-A") }).picked).toBe("pod-b");
      expect(route(subject, { request: createTestRequest({ headers: agent }) }).picked).toBe("pod-c");
    }
    const two = createTestRequest({ headers: { ...agent, "x-session-id": "sess-A" } });
    expect(route(subject, { request: two }).picked).toBe("pod-b");
  });

  it("leaves requests without a session alone, and those whose id is too long", async () => {
    const subject = await setUp(plugin);
    const long = "s".repeat(513);
    for (const request of [() => createTestRequest(), () => inSession(""), () => inSession(long)]) {
      expect(route(subject, { request: request(), otherwise: "pod-b" }).picked).toBe("pod-b");
      expect(route(subject, { request: request(), otherwise: "pod-c" }).picked).toBe("pod-c");
    }
  });

  it("moves a session only when its endpoint is no candidate", async () => {
    const subject = await setUp(plugin);
    route(subject, { request: inSession("s"), otherwise: "pod-b" });
    const moved = route(subject, { request: inSession("s"), excluded: ["pod-b"], otherwise: "pod-c" });
    expect(moved.picked).toBe("pod-c");
    expect(route(subject, { request: inSession("s"), otherwise: "pod-a" }).picked).toBe("pod-c");
  });

  it("follows the endpoint that served when the proxy tried again elsewhere", async () => {
    const subject = await setUp(plugin);
    route(subject, { request: inSession("s"), otherwise: "pod-a", served: "pod-b" });
    expect(route(subject, { request: inSession("s"), otherwise: "pod-a", served: "pod-c" }).picked).toBe("pod-b");
    expect(route(subject, { request: inSession("s") }).picked).toBe("pod-c");
  });

  it.each([
    ["the proxy answered by itself", { served: null }],
    ["no endpoint was reached", { aborted: true, outcome: "unrouted" as const }],
  ])("takes a new binding back when %s, and keeps an older one", async (_what, end) => {
    const subject = await setUp(plugin);
    route(subject, { request: inSession("s"), otherwise: "pod-b", ...end });
    expect(route(subject, { request: inSession("s"), otherwise: "pod-c" }).picked).toBe("pod-c");
    route(subject, { request: inSession("s"), ...end });
    expect(route(subject, { request: inSession("s") }).picked).toBe("pod-c");
  });

  it("keeps the binding when the client went away before the answer", async () => {
    const subject = await setUp(plugin);
    route(subject, { request: inSession("s"), otherwise: "pod-b", aborted: true, outcome: "unknown" });
    expect(route(subject, { request: inSession("s") }).picked).toBe("pod-b");
  });

  it("binds a session once when its first requests come together", async () => {
    const subject = await setUp(plugin);
    const [one, two] = [inSession("s"), inSession("s")];
    // Both are scored before either is routed, as when a producer is waited for.
    const candidates = subject.pool.candidates();
    const keep = new Uint8Array(3).fill(1);
    for (const request of [one, two]) {
      subject.scorer?.score(request, candidates, new Float64Array(3));
      subject.filter?.filter(request, candidates, keep);
    }
    finish(subject, { request: one }, choose(subject, { request: one, otherwise: "pod-b" }), {});
    finish(subject, { request: two }, choose(subject, { request: two, otherwise: "pod-c" }), {});
    expect(route(subject, { request: inSession("s") }).picked).toBe("pod-b");
  });

  it("forgets a session after the time to live, and sweeps", async () => {
    const subject = await setUp(plugin, { evictionTtlSeconds: 60, evictionSweepSeconds: 5 });
    route(subject, { request: inSession("s"), otherwise: "pod-b" });
    await subject.services.advance(60_000);
    const again = inSession("s", subject.pool.clock.now);
    expect(route(subject, { request: again, otherwise: "pod-c" }).picked).toBe("pod-b");
    await subject.services.advance(66_000);
    expect(subject.handOver!()).toHaveProperty("size", 0);
  });

  it("forgets the least recently used session beyond its limit", async () => {
    const subject = await setUp(plugin, { maxSessions: 2 });
    for (const session of ["a", "b", "c"]) route(subject, { request: inSession(session), otherwise: "pod-b" });
    expect(route(subject, { request: inSession("c") }).picked).toBe("pod-b");
    expect(route(subject, { request: inSession("b") }).picked).toBe("pod-b");
    expect(route(subject, { request: inSession("a") }).picked).toBe("pod-a");
  });

  it("hands its sessions over at a reload", async () => {
    const before = await setUp(plugin);
    route(before, { request: inSession("s"), otherwise: "pod-b" });
    const after = await setUp(plugin, { evictionTtlSeconds: 900 }, before.handOver!());
    expect(route(after, { request: inSession("s") }).picked).toBe("pod-b");
    const stranger = await setUp(plugin, {}, { anything: true });
    expect(route(stranger, { request: inSession("s") }).picked).toBe("pod-a");
  });

  it("finds the id that a producer left, and declares that it reads it", async () => {
    const own = defineRequestKey<string>({ id: "acme/conversation", major: 2 });
    const sources = [{ attribute: "acme/conversation@2" }, { attribute: "session-id" }];
    const subject = await setUp(plugin, { sources });
    const request = (): RequestView => createTestRequest();
    const first = request();
    first.locals.set(own, "s");
    route(subject, { request: first, otherwise: "pod-b" });
    const second = request();
    second.locals.set(SessionId, "s");
    expect(route(subject, { request: second }).picked).toBe("pod-b");
    const opened = openPlugin(plugin);
    if (typeof opened !== "object") throw new Error("not a plugin");
    const reads = opened.spec.reads as (config: unknown) => readonly { key: string }[];
    const keys = (strategy: string) => reads({ strategy, sessionIdConfig: { sources } }).map(({ key }) => key);
    expect(keys("session_id")).toEqual(["acme/conversation@2", "pointsman/session-id@1"]);
    expect(keys("encoded_endpoint_header")).toEqual([]);
  });
});
