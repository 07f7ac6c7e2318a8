import { core, definePlugin, from } from "@pointsman/plugin-api";
import { KvCacheUsage, PrefixMatchBlocks, SessionId, WaitingRequests } from "@pointsman/plugin-api/keys";
import { expect, it } from "vitest";
import { createTestHost } from "../src/host/create-test-host.ts";
import { value } from "../src/test-pool.ts";

const shortQueue = definePlugin({
  type: "short-queue-scorer",
  reads: [WaitingRequests],
  setup: () => ({
    scorer: {
      score(_request, candidates, scores) {
        const waiting = candidates.column(WaitingRequests);
        for (let i = 0; i < candidates.length; i += 1) scores[i] = 1 / (1 + waiting[i]!);
      },
    },
  }),
});

const roomyFilter = definePlugin({
  type: "roomy-filter",
  reads: [KvCacheUsage],
  setup: () => ({
    filter: {
      empties: "overloaded",
      filter(_request, candidates, keep) {
        for (let i = 0; i < candidates.length; i += 1) keep[i] = candidates[i]!.get(KvCacheUsage)! < 0.9 ? 1 : 0;
      },
    },
  }),
});

it("routes through the production scheduler, by what the test wrote", async () => {
  const host = await createTestHost({
    plugins: [shortQueue, [roomyFilter]],
    endpoints: [
      { attributes: [value(WaitingRequests, 0), value(KvCacheUsage, 0.95)] },
      { attributes: [value(WaitingRequests, 3), value(KvCacheUsage, 0.1)] },
      { attributes: [value(WaitingRequests, 1), value(KvCacheUsage, 0.2)] },
    ],
  });
  const first = await host.route();
  expect(first.picked).toEqual(["pod-2"]);
  expect(first.decision?.profiles[0]?.removals).toEqual([{ filter: "roomy-filter", endpoints: ["192.168.1.1:8000"] }]);
  host.write("pod-1", WaitingRequests, 0);
  expect((await host.route()).picked).toEqual(["pod-1"]);
  for (const name of ["pod-1", "pod-2"]) host.write(name, KvCacheUsage, 1);
  expect(await host.route()).toMatchObject({ outcome: "rejected", refusal: { status: 429 }, picked: [] });
  expect(host.faults()).toEqual([]);
  await host.stop();
});

it("repeats itself with the same seed, and only then", async () => {
  const lottery = definePlugin({
    type: "lottery-scorer",
    setup: () => ({
      scorer: {
        score: (request, _candidates, scores) => scores.set(Array.from(scores, () => request.random())),
      },
    }),
  });
  const choices = async (seed: number): Promise<string> => {
    const host = await createTestHost({ plugins: [lottery], endpoints: [{}, {}, {}, {}], seed });
    const picked: string[] = [];
    for (let i = 0; i < 20; i += 1) picked.push((await host.route()).picked[0]!);
    await host.stop();
    return picked.join();
  };
  expect(await choices(5)).toBe(await choices(5));
  expect(await choices(5)).not.toBe(await choices(6));
});

it("lets the production guards name the offender and go on without it", async () => {
  const broken = definePlugin({
    type: "broken-scorer",
    setup: () => ({
      scorer: {
        score() {
          throw new Error("no idea");
        },
      },
    }),
  });
  const host = await createTestHost({
    plugins: [broken, shortQueue],
    endpoints: [{ attributes: [value(WaitingRequests, 4)] }, { attributes: [value(WaitingRequests, 0)] }],
    guard: { breakerThreshold: 2, breakerCoolDownMs: 1_000 },
  });
  for (let i = 0; i < 3; i += 1) expect((await host.route()).picked).toEqual(["pod-1"]);
  expect(host.faults()).toEqual([
    expect.objectContaining({
      instance: "broken-scorer",
      capability: "scorer",
      errors: 2,
      breaker: "open",
      lastError: "no idea",
    }),
  ]);
  await host.stop();
});

it("runs hooks with a session that lives as long as the test's clock says", async () => {
  const ended: string[] = [];
  const sticky = definePlugin({
    type: "sticky-hooks",
    readsOptional: [SessionId],
    needs: { clock: core.clock, log: core.logger },
    setup({ needs: { clock, log } }) {
      let ticks = 0;
      clock.every(1_000, () => (ticks += 1));
      return {
        preCall: (request, controls) => {
          controls.setPriority(request.locals.get(SessionId) === undefined ? -1 : 7);
        },
        postChoice: (request, choice) => {
          choice.setHeader("X-Ticks", String(ticks));
          log.info("chosen", { session: request.locals.get(SessionId), priority: request.priority });
        },
        responseHeaders: (_request, response) => response.setHeader("x-served", response.served?.name ?? "nobody"),
        afterResponse: (_request, { outcome, durationMs }) => void ended.push(`${outcome} ${durationMs}`),
      };
    },
  });
  const host = await createTestHost({ plugins: [sticky], endpoints: [{}] });
  await host.advance(2_500);
  const routed = await host.route({ locals: [[SessionId as never, "s1"]] });
  expect(routed.headers).toEqual({ "x-ticks": "2" });
  expect(host.services("sticky-hooks").logs[0]?.fields).toEqual({ session: "s1", priority: -1 });
  await host.advance(300);
  expect(await host.respond(routed, { status: 200 })).toEqual({ "x-served": "pod-0" });
  await expect(host.respond(routed)).rejects.toThrow(/answered before/);
  host.replace([]);
  await host.route();
  expect(ended).toEqual(["ended 300", "rejected 0"]);
  await host.stop();
});

it("stands in for a writer that the config names, per request", async () => {
  const prefix = from(PrefixMatchBlocks, "approx");
  const reader = definePlugin({
    type: "prefix-scorer",
    reads: [prefix],
    setup: () => ({
      scorer: {
        score: (_request, candidates, scores) => scores.set(candidates.column(prefix).map((blocks) => blocks / 10)),
      },
    }),
  });
  const host = await createTestHost({
    plugins: [reader],
    endpoints: [{ attributes: [value(PrefixMatchBlocks, 2)] }, { attributes: [value(PrefixMatchBlocks, 8)] }],
  });
  expect((await host.route()).decision?.profiles[0]?.candidates.map(({ total }) => total)).toEqual([0.8, 0.2]);
  await host.stop();
});

it("gives the host's own words when a config is wrong, and leaves nothing running", async () => {
  await expect(
    createTestHost({
      plugins: [shortQueue],
      config: { plugins: [{ type: "short-queue-scorer", parameters: { a: 1 } }] },
    }),
  ).rejects.toThrow(/takes no parameters/);
  await expect(createTestHost({ plugins: [shortQueue], config: { plugins: [{ type: "other" }] } })).rejects.toThrow(
    /names the type "other"/,
  );
  const profiles = { schedulingProfiles: [{ name: "default", plugins: [{ pluginRef: "short-quue" }] }] };
  await expect(createTestHost({ plugins: [shortQueue], config: profiles })).rejects.toThrow(/"short-quue"/);
});
