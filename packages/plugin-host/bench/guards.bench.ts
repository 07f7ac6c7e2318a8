import { join } from "node:path";
import type { Candidates, Endpoint, RequestView, Scorer } from "@pointsman/plugin-api";
import { WaitingRequests } from "@pointsman/plugin-api/keys";
import { Bench } from "tinybench";
import {
  type AskedTable,
  askIsolated,
  createRootContainer,
  loadPluginSet,
  type PluginEntry,
  TypeCatalogue,
} from "../src/index.ts";

/**
 * What the guards add to one scorer call over 100 endpoints (circuit closed, time taken), and what a worker thread adds:
 * the round trip of a question that nothing else competes with, with a column that has changed since the one before.
 */

const ENDPOINTS = 100;
const ROUND_TRIPS = 5_000;
const WARM_UP = 1_000;

const logger = { debug() {}, info() {}, warn: console.warn, error: console.error };

async function loadScorer(isolation: "none" | "worker") {
  const entries: PluginEntry[] = [
    { name: "writer", type: "bench-writer", package: "./bench-scorer" },
    { name: "scorer", type: "bench-scorer", package: "./bench-scorer", isolation },
  ];
  const { set, diagnostics } = await loadPluginSet({
    entries,
    catalogue: new TypeCatalogue({ bases: [], configDir: join(import.meta.dirname, "fixtures") }),
    pathOf: () => undefined,
    allowExperimental: false,
    pool: "bench",
    root: createRootContainer(),
    services: () => ({ "core.logger": () => logger }),
    // A busy machine must not open the circuit.
    guard: { now: () => performance.now(), budgetMs: Number.POSITIVE_INFINITY },
  });
  if (set === undefined) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return { set, instance: set.get("scorer")! };
}

/** The pool, with other numbers of waiting requests whenever they are asked for. */
function createTable(): AskedTable & { change(): void; readonly candidates: Candidates } {
  let waiting = new Float64Array(ENDPOINTS);
  const endpoints = Array.from({ length: ENDPOINTS }, (_, row): Endpoint => {
    const host = `10.0.0.${row}`;
    const identity = { id: `default/pod-${row}`, namespace: "default", name: `pod-${row}`, address: `${host}:8000` };
    return {
      ...identity,
      host,
      port: 8_000,
      rank: 0,
      labels: {},
      get: <Value>() => waiting[row] as Value | undefined,
      ageMs: () => 10,
    };
  });
  const column = (): Float64Array => waiting;
  const candidates = Object.assign([...endpoints], { column });
  const change = (): void => {
    waiting = Float64Array.from({ length: ENDPOINTS }, () => Math.random() * 64);
  };
  change();
  return { roster: {}, endpoints, column, candidates, change };
}

function createRequest(): RequestView {
  const now = Date.now();
  const headers = Array.from({ length: 20 }, (_, i) => `x-header-${i >> 1}-with-some-value`);
  const request: Partial<RequestView> & { headerList(): readonly string[] } = {
    id: "01234567-89ab-cdef-0123-456789abcdef",
    now,
    deadline: now + 1_000,
    method: "POST",
    path: "/v1/chat/completions",
    api: "openai-chat",
    model: "meta-llama/Llama-3.1-8B-Instruct",
    targetModel: "meta-llama/Llama-3.1-8B-Instruct",
    stream: true,
    priority: 0,
    tenant: "default-flow",
    prompt: { parts: [], byteLength: 2_048, tokenIds: undefined, text: () => "" },
    random: Math.random,
    headerList: () => headers,
  };
  return request as RequestView;
}

const table = createTable();
const request = createRequest();
const scores = new Float64Array(ENDPOINTS);

const { set, instance } = await loadScorer("none");
const guardedScorer = instance.capabilities.scorer!;
const bareScorer = instance.raw.scorer!;
const bench = new Bench({ time: 500, warmupTime: 250 });
/** A call is shorter than the clock can tell: many are measured at a time. */
const CALLS = 1_000;
const repeated = (scorer: Scorer) => (): void => {
  for (let i = 0; i < CALLS; i += 1) scorer.score(request, table.candidates, scores);
};
bench.add("bare", repeated(bareScorer));
bench.add("guarded", repeated(guardedScorer));
await bench.run();
const nanoseconds = bench.tasks.map(({ name, result }) => {
  if (!("latency" in result)) throw new Error(`${name} did not finish`);
  return (1e6 * result.latency.p50) / CALLS;
});
const [bare = 0, guarded = 0] = nanoseconds;
console.log(`a scorer call over ${ENDPOINTS} endpoints: bare ${bare.toFixed(0)} ns, guarded ${guarded.toFixed(0)} ns`);
console.log(`the guards add ${(guarded - bare).toFixed(0)} ns`);
if (instance.guards.get("scorer")!.meter.errors > 0) throw new Error("calls failed");
await set.stop();

const isolated = await loadScorer("worker");
const worker = isolated.instance.isolated!;
const trips = new Float64Array(ROUND_TRIPS);
let hostMs = 0;
for (let i = -WARM_UP; i < ROUND_TRIPS; i += 1) {
  table.change();
  const asked = createRequest();
  const started = performance.now();
  const answered = askIsolated([worker], asked, table, 1_000);
  const posted = performance.now() - started;
  await answered;
  const tookMs = performance.now() - started;
  if (i < 0) continue;
  trips[i] = tookMs;
  hostMs += posted;
}
trips.sort();
const micros = (share: number): string => (1_000 * trips[Math.floor(share * ROUND_TRIPS)]!).toFixed(0);
console.log(
  `a vote of a worker over ${ENDPOINTS} endpoints, ${WaitingRequests.id} changed: p50 ${micros(0.5)} µs, p99 ${micros(0.99)} µs`,
);
console.log(`of which the request's own thread: ${((1_000 * hostMs) / ROUND_TRIPS).toFixed(0)} µs for the question`);
await isolated.set.stop();
