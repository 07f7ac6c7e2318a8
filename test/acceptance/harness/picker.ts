import { dirname } from "node:path";
import { DiagnosticError } from "@pointsman/diagnostics";
import { allControlHeaders, createEpp, type Epp, type EppOptions, loadPickerConfig } from "@pointsman/epp";
import { createExtProcClient, type ExtProcClient } from "@pointsman/ext-proc";
import { afterAll } from "vitest";
import type { Message } from "./notation.ts";
import { type LiveStream, openStream, type Replay, replay, replayInTurn } from "./replay.ts";
import { TestPool } from "./test-pool.ts";

/** One plugin of a config; a text is its type. */
export type PluginText =
  | string
  | { readonly type: string; readonly name?: string; readonly parameters?: object; readonly onError?: string };

/** A configuration, as far as it differs from case to case. */
export interface PickerShape {
  /** The profile in order; scorers have weight 1. */
  readonly profile: readonly PluginText[];
  /** Plugins that work by being listed. */
  readonly plugins?: readonly PluginText[];
  readonly parsers?: readonly PluginText[];
  readonly detector?: PluginText;
  /** Instead of the discovery of the test pool. */
  readonly discovery?: PluginText;
}

/**
 * CFG-D of the catalogue. The prefix scorer is a later capability: every row begins with a cold cache, where it gives
 * each endpoint the same.
 */
export const CFG_D: PickerShape = {
  profile: ["queue-scorer", "kv-cache-utilization-scorer", "lora-affinity-scorer", "max-score-picker"],
  parsers: ["openai-parser"],
};

/** CFG-Q of the catalogue. */
export const CFG_Q: PickerShape = {
  profile: ["queue-scorer", "kv-cache-utilization-scorer", "max-score-picker"],
  parsers: ["openai-parser"],
};

/** Objectives of the catalogue's fixtures, and one below 0. */
const objectives = {
  "my-model": 2,
  "sql-lora": 2,
  "direct-model": 2,
  "inference-objective-with-priority-4": 4,
  "sql-lora-sheddable": 0,
  sheddable: -1,
};

/** A picker in this process, asked over real gRPC streams. */
export interface TestPicker {
  readonly epp: Epp;
  readonly pool: TestPool;
  readonly client: ExtProcClient;
  replay(messages: readonly Message[]): Promise<Replay>;
  replayInTurn(messages: readonly Message[]): Promise<Replay>;
  open(): LiveStream;
  /** Value of the series with these labels (and maybe more) now; undefined when there is none. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number | undefined>;
  close(): Promise<void>;
}

const home = dirname(import.meta.dirname);
let pools = 0;

/** Starts a picker that is closed behind the tests of the file. */
export function startPicker(shape: PickerShape, options: Partial<EppOptions> = {}): Promise<TestPicker> {
  return startPickerFrom((pool) => configText(shape, pool), options);
}

/** Starts a picker from the text of a configuration, given the name of its pool. */
export async function startPickerFrom(
  textFor: (pool: string) => string,
  options: Partial<EppOptions> = {},
): Promise<TestPicker> {
  const pool = new TestPool(`pool-${process.pid}-${(pools += 1)}`);
  const epp = await createEpp(await eppOptions(textFor(pool.name), options));
  const client = createExtProcClient({ address: `127.0.0.1:${epp.ports.grpc}` });
  const picker: TestPicker = {
    epp,
    pool,
    client,
    replay: (messages) => replay(client, messages),
    replayInTurn: (messages) => replayInTurn(client, messages),
    open: () => openStream(client),
    metric: async (name, labels = {}) => seriesIn(await epp.metricsPage(), name, labels),
    async close() {
      client.close();
      await epp.drain(1_000);
    },
  };
  afterAll(() => picker.close());
  return picker;
}

/** The start's mistakes, as codes with messages; empty when it would start. */
export function startProblems(shape: PickerShape): Promise<string[]> {
  return startProblemsFrom((pool) => configText(shape, pool));
}

/** The same from the text of a configuration. */
export async function startProblemsFrom(textFor: (pool: string) => string): Promise<string[]> {
  const pool = new TestPool(`pool-${process.pid}-${(pools += 1)}`);
  try {
    const epp = await createEpp(await eppOptions(textFor(pool.name)));
    await epp.drain(0);
    return [];
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return error.diagnostics.map(({ code, message }) => `${code}: ${message}`);
  }
}

async function eppOptions(text: string, options: Partial<EppOptions> = {}): Promise<EppOptions> {
  const { picker, diagnostics } = await loadPickerConfig({ text, cwd: home, pluginRoots: [] });
  if (picker === undefined) throw new DiagnosticError(diagnostics);
  const mebibyte = 1_048_576;
  return {
    picker,
    log: silentLog,
    pool: "vllm-qwen3-32b-pool",
    host: "127.0.0.1",
    ports: { grpc: 0 },
    tls: undefined,
    maxReceiveMessageBytes: 64 * mebibyte,
    maxBodyBytes: 32 * mebibyte,
    trustedHeaders: allControlHeaders,
    restoreModel: true,
    honourSubset: true,
    emitScores: false,
    decisionTimeoutMs: 1_000,
    seed: "acceptance",
    allowExperimental: true,
    scrapeIntervalMs: 50,
    gaugeIntervalMs: 20,
    stalenessMs: 2_000,
    streamMetrics: true,
    decisionsKept: 1_000,
    decisionsBytes: mebibyte,
    record: undefined,
    ...options,
  };
}

const silentLog: EppOptions["log"] = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};

/** The configuration as text. JSON is YAML, and the text is what `--config-text` would get. */
export function configText(shape: PickerShape, pool: string): string {
  return profilesText({ ...shape, profiles: { default: shape.profile } }, pool);
}

/** The same with several profiles, by name. */
export function profilesText(
  shape: Omit<PickerShape, "profile"> & { readonly profiles: Readonly<Record<string, readonly PluginText[]>> },
  pool: string,
): string {
  const fixtures = { pool };
  const entries = [
    shape.discovery ?? { type: "acceptance-discovery", parameters: fixtures },
    { type: "acceptance-metrics", parameters: fixtures },
    { type: "acceptance-witness", parameters: fixtures },
    { type: "request-priority", parameters: { objectives } },
    "inflight-load-producer",
    ...(shape.plugins ?? []),
    ...Object.values(shape.profiles).flat(),
    ...(shape.parsers ?? ["openai-parser"]),
    ...(shape.detector === undefined ? [] : [shape.detector]),
  ].map((entry) => withPackage(typeof entry === "string" ? { type: entry } : entry, pool));
  const unique = [...new Map(entries.map((entry) => [nameOf(entry), entry])).values()];
  const ref = (entry: PluginText): { pluginRef: string } => ({ pluginRef: nameOf(entry) });
  return JSON.stringify({
    apiVersion: "llm-d.ai/v1alpha1",
    kind: "EndpointPickerConfig",
    plugins: unique,
    schedulingProfiles: Object.entries(shape.profiles).map(([name, plugins]) => ({ name, plugins: plugins.map(ref) })),
    requestHandler: { parsers: (shape.parsers ?? ["openai-parser"]).map(ref) },
    dataLayer: { injectDefaults: false, sources: [], discovery: ref(shape.discovery ?? "acceptance-discovery") },
    ...(shape.detector === undefined ? {} : { saturationDetector: ref(shape.detector) }),
  });
}

function nameOf(entry: PluginText): string {
  return typeof entry === "string" ? entry : (entry.name ?? entry.type);
}

/** Fixture plugins are named by path; the hooks among them need the pool's name. */
function withPackage(entry: Exclude<PluginText, string>, pool: string): Exclude<PluginText, string> {
  if (entry.type === "acceptance-prefix")
    return { ...entry, package: "./fixtures/test-pool", parameters: { pool } } as typeof entry;
  if (/^acceptance-(discovery|metrics)$/.test(entry.type))
    return { ...entry, package: "./fixtures/test-pool" } as typeof entry;
  if (!entry.type.startsWith("acceptance-")) return entry;
  const parameters = /-(hook|unready|witness|peer)$/.test(entry.type)
    ? { ...entry.parameters, pool }
    : entry.parameters;
  return {
    ...entry,
    package: "./fixtures/plugins",
    ...(parameters === undefined ? {} : { parameters }),
  } as typeof entry;
}

function seriesIn(page: string, name: string, labels: Readonly<Record<string, string>>): number | undefined {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  for (const line of page.split("\n")) {
    const match = /^([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)/.exec(line);
    if (match === null || match[1] !== `llm_d_epp_${name}`) continue;
    const own = (match[2] ?? "").split(/,(?=[a-z_]+=)/);
    if (wanted.every((pair) => own.includes(pair))) return Number(match[3]);
  }
  return undefined;
}
