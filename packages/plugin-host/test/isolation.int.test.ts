import type { Attribute, Candidates, Completion, Endpoint, NumberAttribute, RequestView } from "@pointsman/plugin-api";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { AskedTable, Loaded, LoadOptions, PluginEntry, PluginSet } from "../src/index.ts";
import { createZoo, entry, host, said, type Zoo } from "./zoo.ts";

let zoo: Zoo;
const sets: PluginSet[] = [];
beforeAll(() => {
  zoo = createZoo();
});
afterEach(async () => {
  for (const set of sets.splice(0)) await set.stop();
});
afterAll(() => zoo.remove());

/** Waits in these tests end by themselves as soon as what they wait for is there. */
const patient = { deadlineMs: 10_000, pauseMs: 20 };
const hasty = { pingMs: 100, missedPings: 5 };

interface Line {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const isolated = (type: string, more: Partial<PluginEntry> = {}): PluginEntry =>
  entry(type, { package: "./isolated", isolation: "worker", ...more });

async function load(entries: readonly PluginEntry[], options: Partial<LoadOptions> = {}) {
  const lines: Line[] = [];
  const counted: [name: string, by: number][] = [];
  const write = (message: string, fields: Line["fields"] = {}) => void lines.push({ message, fields });
  const logger = { debug: write, info: write, warn: write, error: write };
  const metrics = {
    counter: ({ name }: { name: string }) => ({ inc: (_: unknown, by: number) => counted.push([name, by]) }),
  };
  const loaded: Loaded = await zoo.load(entries, {
    services: () => ({
      "core.logger": () => logger,
      "core.metrics": () => metrics,
      "core.random": () => ({ next: () => 0.25 }),
      "core.clock": () => ({}),
    }),
    isolation: patient,
    ...options,
  });
  const { set } = loaded;
  if (set !== undefined) {
    sets.push(set);
    await set.start();
  }
  const messages = () => lines.map(({ message }) => message);
  return { ...loaded, lines, messages, counted };
}

/** The one instance of a set. */
function only(set: PluginSet | undefined) {
  const instance = set!.instances.at(-1)!;
  return { ...instance, worker: instance.isolated! };
}

function tableOf(
  rows: readonly { waiting?: number; tags?: readonly string[]; labels?: Record<string, string> }[],
): AskedTable {
  const columns = Float64Array.from(rows, ({ waiting }) => waiting ?? Number.NaN);
  const endpoints = rows.map(
    ({ tags, labels = {} }, row): Endpoint => ({
      id: `default/e${row}`,
      namespace: "default",
      name: `e${row}`,
      address: `10.0.0.${row}:8000`,
      host: `10.0.0.${row}`,
      port: 8000,
      rank: 0,
      labels,
      get: <Value>({ kind }: Attribute<Value>) =>
        (kind === "f64" ? columns[row] : tags && new Set(tags)) as Value | undefined,
      ageMs: () => 5_000,
    }),
  );
  return { roster: {}, endpoints, column: (_: NumberAttribute) => columns };
}

let requests = 0;
function requestFor(model: string, headers: readonly string[] = []): RequestView {
  requests += 1;
  const view: Partial<RequestView> & { headerList(): readonly string[] } = {
    id: `r${requests}`,
    model,
    targetModel: model,
    tenant: "acme",
    now: Date.now(),
    deadline: Date.now() + 1_000,
    random: () => 0.5,
    prompt: { parts: [], byteLength: 12, tokenIds: undefined, text: () => "" },
    headerList: () => headers,
  };
  return view as RequestView;
}

async function scoresOf(
  set: PluginSet | undefined,
  table: AskedTable,
  request: RequestView,
  candidates = table.endpoints,
) {
  const instance = only(set);
  await host.askIsolated([instance.worker], request, table, 10_000);
  const scores = new Float64Array(candidates.length).fill(Number.NaN);
  instance.capabilities.scorer!.score(request, candidates as Candidates, scores);
  return [...scores];
}

const writer = entry("waiting-writer");

describe("a scorer in a worker", () => {
  it("is asked over the whole table and votes for those who are left", async () => {
    const { set, diagnostics } = await load([writer, isolated("worker-scorer")]);
    expect(said(diagnostics, zoo)).toEqual([]);
    expect(globalThis).not.toHaveProperty("isolatedFixtureRanInTheHost");
    const table = tableOf([{ waiting: 1 }, { waiting: 2, tags: ["a", "b"] }, {}, { waiting: 3, tags: ["b"] }]);
    const request = requestFor("fine", ["x-tag", "a"]);
    expect(await scoresOf(set, table, request)).toEqual([0.1, 0.7, Number.NaN, 0.3]);
    const left = [table.endpoints[1]!, table.endpoints[3]!];
    expect(await scoresOf(set, table, requestFor("fine", ["x-tag", "b"]), left)).toEqual([0.7, 0.8]);
    expect(only(set).guards.get("scorer")!.meter.errors).toBe(0);
  });

  it("learns what has changed, and nothing is left of a pool that is gone", async () => {
    const { set } = await load([writer, isolated("worker-scorer")]);
    const first = tableOf([{ waiting: 1, tags: ["a"] }, { waiting: 2 }]);
    expect(await scoresOf(set, first, requestFor("fine", ["x-tag", "a"]))).toEqual([0.6, 0.2]);
    const changed: AskedTable = { ...first, column: () => Float64Array.of(4, 5) };
    expect(await scoresOf(set, changed, requestFor("fine", ["x-tag", "a"]))).toEqual([0.9, 0.5]);
    expect(await scoresOf(set, tableOf([{ waiting: 3 }]), requestFor("fine", ["x-tag", "a"]))).toEqual([0.3]);
  });

  it("knows the age of data, and draws the numbers of the request", async () => {
    const { set } = await load([writer, isolated("worker-scorer")]);
    const table = tableOf([{ waiting: 1 }]);
    const [age] = await scoresOf(set, table, requestFor("age"));
    expect(age).toBeGreaterThanOrEqual(5_000);
    const draws = [await scoresOf(set, table, requestFor("draw")), await scoresOf(set, table, requestFor("draw"))];
    expect(draws[0]![0]).toBeGreaterThan(0);
    expect(draws[0]).toEqual(draws[1]);
  });

  it("that throws has failed by its own words; a body is not to be had", async () => {
    const { set } = await load([writer, isolated("worker-scorer")]);
    const table = tableOf([{ waiting: 1 }, { waiting: 2 }]);
    const { meter } = only(set).guards.get("scorer")!;
    expect(await scoresOf(set, table, requestFor("throw"))).toEqual([Number.NaN, Number.NaN]);
    expect([meter.errors, String(meter.lastError)]).toEqual([1, "RangeError: no such score"]);
    await scoresOf(set, table, requestFor("text"));
    expect(String(meter.lastError)).toBe("Error: the text of prompts does not cross to a worker");
  });

  it("abstains when it is late, and its late answer is nobody's", async () => {
    const { set } = await load([writer, isolated("worker-scorer")], {
      isolation: { ...patient, deadlineMs: 20 },
      guard: { now: () => 0, breakerThreshold: 1_000 },
    });
    const { worker, guards, capabilities } = only(set);
    const table = tableOf([{ waiting: 1 }]);
    const request = requestFor("slow");
    const scores = Float64Array.of(Number.NaN);
    await host.askIsolated([worker], request, table, 10_000);
    expect(worker.lateVotes).toBe(1);
    // Answers come in the order of the questions: when this one is there, the late one has been.
    await vi.waitFor(async () => expect(await scoresOf(set, table, requestFor("fine"))).toEqual([0.1]), 10_000);
    capabilities.scorer!.score(request, table.endpoints as Candidates, scores);
    expect(scores[0]).toBeNaN();
    expect(String(guards.get("scorer")!.meter.lastError)).toBe("Error: no answer from its worker within 20 ms");
  });

  it("is not asked while its circuit is open, and again when the pause is over", async () => {
    const clock = { now: 0 };
    const { set } = await load([writer, isolated("worker-scorer")], {
      guard: { now: () => clock.now, breakerThreshold: 1, breakerCoolDownMs: 1_000 },
    });
    const table = tableOf([{ waiting: 1 }]);
    await scoresOf(set, table, requestFor("throw"));
    expect(host.askIsolated([only(set).worker], requestFor("fine"), table, 10_000)).toBeUndefined();
    clock.now = 1_000;
    expect(await scoresOf(set, table, requestFor("fine"))).toEqual([0.1]);
    expect(only(set).guards.get("scorer")!.breaker.state).toBe("closed");
  });
});

describe("a filter in a worker", () => {
  it("removes by its own word, and by its onError when there is none", async () => {
    const { set } = await load([isolated("worker-filter")]);
    const { worker, capabilities } = only(set);
    const table = tableOf([{ labels: { keep: "no" } }, {}, {}]);
    expect([capabilities.filter!.empties, capabilities.filter!.onError]).toEqual(["overloaded", "reject"]);
    for (const [model, expected] of [
      ["fine", [0, 1, 1]],
      ["throw", [0, 0, 0]],
    ] as const) {
      const request = requestFor(model);
      await host.askIsolated([worker], request, table, 10_000);
      const keep = Uint8Array.of(1, 1, 1);
      capabilities.filter!.filter(request, table.endpoints as Candidates, keep);
      expect([...keep]).toEqual(expected);
    }
  });
});

describe("hooks in a worker", () => {
  it("are told one way, with what the request holds in between", async () => {
    const { set, lines } = await load([isolated("worker-hooks")]);
    const { capabilities, worker, guards } = only(set);
    const [endpoint] = tableOf([{}]).endpoints;
    const request = requestFor("header");
    const choice = {
      primaryProfile: "default",
      profiles: ["default"],
      picked: [endpoint],
      result: () => ({ profile: "default", picked: [endpoint!] }),
    };
    capabilities.postChoice!(request, choice as never);
    capabilities.afterResponse!(request, { outcome: "ended", served: endpoint } as Partial<Completion> as Completion);
    worker.forget(request);
    await vi.waitFor(() =>
      expect(lines).toContainEqual({
        message: "after",
        fields: { seen: "10.0.0.0:8000", outcome: "ended", served: "10.0.0.0:8000", tenant: "acme" },
      }),
    );
    expect(String(guards.get("postChoice")!.meter.lastError)).toMatch("setHeader() does nothing in a worker");
  });
});

describe("a worker", () => {
  it("has its own environment, and its log, metrics and output reach the host", async () => {
    const { set, lines, counted } = await load([writer, isolated("worker-scorer")]);
    expect(process.env["POINTSMAN_TEST"]).toBeUndefined();
    await scoresOf(set, tableOf([{ waiting: 1 }]), requestFor("print"));
    await vi.waitFor(() => {
      expect(lines).toContainEqual({ message: "output of the plugin", fields: { line: "world" } });
      expect(counted).toContainEqual(["test_calls_total", 1]);
    });
    expect(lines[0]).toEqual({
      message: "worker-scorer: set up",
      fields: { random: expect.any(Number), env: "unset" },
    });
  });

  it.each([
    ["leaves the process", "exit", "it left with exit code 3", {}],
    ["throws in a timer", "timer", "thrown in a timer", {}],
    ["fills its heap", "heap", /memory limit/, { heapMb: 16 }],
    ["loops for ever", "loop", "no sign of life for 500 ms", hasty],
  ])("that %s is started again, and nobody waits for it", async (_what, model, reason, limits) => {
    const { set, lines } = await load([writer, isolated("worker-scorer")], { isolation: { ...patient, ...limits } });
    const table = tableOf([{ waiting: 1 }]);
    const { worker } = only(set);
    await scoresOf(set, table, requestFor(model));
    await vi.waitFor(() => expect([worker.restarts, worker.state]).toEqual([1, "running"]), 10_000);
    const line = lines.find(
      ({ message }) => message === "the worker of this plugin has ended and will be started again",
    );
    expect(line!.fields).toMatchObject({ reason: expect.stringMatching(reason), restarts: 1, pauseMs: 20 });
    expect(await scoresOf(set, table, requestFor("fine"))).toEqual([0.1]);
    // The new one was set up and started like the first.
    expect(lines.filter(({ message }) => message === "worker-scorer: started")).toHaveLength(2);
  });

  it("stops and releases what it holds", async () => {
    const { set, messages } = await load([writer, isolated("worker-scorer")]);
    expect(await set!.stop()).toEqual([]);
    expect(messages()).toEqual([
      "worker-scorer: set up",
      "worker-scorer: started",
      "worker-scorer: stopped",
      "worker-scorer: released",
    ]);
    expect(only(set).worker.state).toBe("stopped");
  });

  it("whose stop never ends is ended all the same", async () => {
    const { set } = await load([isolated("worker-stubborn")], { stopTimeoutMs: 500 });
    expect(said(await set!.stop(), zoo)).toEqual([
      "POINTSMAN_PLUGIN_STOP_TIMEOUT: worker-stubborn: stop is not finished after 500 ms.",
    ]);
    expect(only(set).worker.state).toBe("stopped");
  });
});

describe("what cannot be isolated", () => {
  it.each([
    [
      "a service of the host",
      [isolated("worker-needy")],
      ["CONFIG_FEATURE_UNAVAILABLE: worker-needy needs core.endpoints, which is not to be had in a worker."],
    ],
    [
      "data of the request",
      [isolated("worker-curious")],
      [
        "CONFIG_FEATURE_UNAVAILABLE: worker-curious reads pointsman/session-id@1, which belongs to one request: a worker is asked before it is known.",
      ],
    ],
    [
      "data of endpoints for a hook",
      [writer, isolated("worker-hook-reader")],
      [
        "CONFIG_FEATURE_UNAVAILABLE: worker-hook-reader reads pointsman/waiting-requests@1: in a worker only filters and scorers are told what is known of endpoints.",
      ],
    ],
    [
      "a file without a manifest, which is not run to find out",
      [entry("single-file", { package: "./single-file.js", isolation: "worker" })],
      [
        "CONFIG_FEATURE_UNAVAILABLE: single-file: the file <zoo>/single-file.js has no manifest, so it cannot be isolated in a worker.",
      ],
    ],
    [
      "a module that ends its thread",
      [entry("import-exits", { isolation: "worker" })],
      ["PLUGIN_IMPORT_FAILED: import-exits: its worker ended while it loaded the plugin: it left with exit code 5."],
    ],
    [
      "a module that never ends",
      [entry("import-loops", { isolation: "worker" })],
      ["PLUGIN_SETUP_TIMEOUT: import-loops: its worker has not loaded it after 300 ms."],
      { setupTimeoutMs: 300 },
    ],
    [
      "a set-up that throws",
      [writer, isolated("worker-scorer", { parameters: { start: "throw" } })],
      ["PLUGIN_SETUP_FAILED: worker-scorer: setup failed: no answer"],
    ],
    [
      "a set-up that leaves",
      [writer, isolated("worker-scorer", { parameters: { start: "exit" } })],
      ["PLUGIN_SETUP_FAILED: worker-scorer: setup failed: its worker has ended: it left with exit code 4"],
    ],
    [
      "parameters that its schema refuses",
      [writer, isolated("worker-scorer", { parameters: { wrong: 1 } })],
      ["PLUGIN_CONFIG_INVALID: worker-scorer: wrong: unknown parameter"],
    ],
  ] as readonly [string, readonly PluginEntry[], readonly string[], Partial<LoadOptions>?][])(
    "%s",
    async (_what, entries, says, options = {}) => {
      const { set, diagnostics } = await load([...entries], options);
      expect(set).toBeUndefined();
      expect(said(diagnostics, zoo)).toEqual(says.map((text) => `POINTSMAN_${text}`));
      expect(diagnostics[0]!.path?.slice(0, 2)).toEqual(["plugins", entries.length - 1]);
    },
  );

  it("a set-up that never ends", async () => {
    const { diagnostics } = await load([writer, isolated("worker-scorer", { parameters: { start: "never" } })], {
      setupTimeoutMs: 1_500,
    });
    expect(said(diagnostics, zoo)).toEqual([
      "POINTSMAN_PLUGIN_SETUP_TIMEOUT: worker-scorer: setup has not finished after 1500 ms.",
    ]);
  });
});
