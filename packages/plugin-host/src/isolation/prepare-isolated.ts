import { type Diagnostic, type DiagnosticDetails, diagnostic } from "@pointsman/diagnostics";
import { type DataKey, defineService, type Logger, type Metrics, type ServiceRef } from "@pointsman/plugin-api";
import type { PluginV1 } from "@pointsman/plugin-api/internal";
import type { Prepared, PrepareOptions } from "../lifecycle/prepare-instance.ts";
import type { PluginEntry } from "../plugin-entry.ts";
import type { LocatedType } from "../resolve/type-catalogue.ts";
import { IsolatedPlugin } from "./isolated-plugin.ts";
import { type IsolationLimits, isolationLimits } from "./isolation-limits.ts";
import { checkCrossing, checkIsolatable } from "./isolation-rules.ts";
import type { Description, WorkerTask } from "./protocol.ts";
import { WorkerThread } from "./worker-thread.ts";

/** Name in `needs` under which the host's side of an isolated instance gets its log, whether the plugin asked or not. */
const LOG = "log of the worker";

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Prepares an instance that shall live in a worker. Its code runs only there: once in a worker that says what the type
 * needs and ends, and again in the one in which the instance is set up.
 */
export async function prepareIsolated(
  entry: PluginEntry,
  located: LocatedType,
  options: Pick<PrepareOptions, "pool" | "setupTimeoutMs" | "isolation">,
  details: DiagnosticDetails,
): Promise<Prepared> {
  const refused = checkIsolatable(entry.name, located, details);
  if (refused.length > 0) return { diagnostics: refused };
  const { pool, setupTimeoutMs: limitMs = 10_000 } = options;
  const limits: IsolationLimits = { ...isolationLimits, stepMs: limitMs, ...options.isolation };
  const task = { entry, located, path: details.path, pool, seed: 0 };
  const described = await describeInWorker({ ...task, mode: "describe" }, limits, details);
  if ("diagnostics" in described) return described;
  const { required, optional, writes, ...description } = described.description;
  const reads = [...required, ...optional] as DataKey[];
  const services = Object.values(description.needs);
  const problems = checkCrossing(entry.name, located, services, reads, writes as DataKey[], details);
  if (problems.length > 0) return { diagnostics: problems };

  const needs: Record<string, ServiceRef> = { [LOG]: defineService("core.logger") };
  for (const [name, id] of Object.entries(description.needs)) needs[name] = defineService(id);
  const metrics = Object.keys(description.needs).find((name) => description.needs[name] === "core.metrics");
  let current: IsolatedPlugin | undefined;
  const spec: PluginV1["spec"] = {
    type: located.type,
    ...(description.response === undefined ? {} : { response: description.response }),
    setup({ needs: given, onStop }) {
      const services = given as Readonly<Record<string, unknown>>;
      const random = Object.keys(needs).find((name) => needs[name]?.id === "core.random");
      const next = random === undefined ? 0 : (services[random] as { next(): number }).next();
      const plugin = new IsolatedPlugin({
        task: { ...task, mode: "run", seed: Math.floor(next * 2 ** 32) },
        capabilities: located.manifest.capabilities,
        reads,
        limits,
      });
      current = plugin;
      onStop(() => plugin.end());
      return plugin.setUp({
        log: services[LOG] as Logger,
        metrics: metrics === undefined ? undefined : (services[metrics] as Metrics),
      });
    },
  };
  return {
    prepared: {
      entry,
      located,
      spec,
      // What the validator made of the parameters stays in the worker.
      config: entry.parameters ?? {},
      needs,
      required: required as DataKey[],
      optional: optional as DataKey[],
      writes: [],
      isolated: () => current,
    },
    diagnostics: [],
  };
}

type Described = { readonly description: Description } | { readonly diagnostics: readonly Diagnostic[] };

async function describeInWorker(
  task: WorkerTask,
  { stepMs, heapMb }: IsolationLimits,
  details: DiagnosticDetails,
): Promise<Described> {
  const { name } = task.entry;
  let thread: WorkerThread | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Described>((resolve) => {
      const fail = (code: Diagnostic["code"], message: string): void =>
        resolve({ diagnostics: [diagnostic(code, message, details)] });
      timer = setTimeout(
        () => fail("POINTSMAN_PLUGIN_SETUP_TIMEOUT", `${name}: its worker has not loaded it after ${stepMs} ms.`),
        stepMs,
      );
      thread = new WorkerThread({
        task,
        heapMb,
        log: silent,
        onMessage: (message) => {
          if (message.kind === "described") resolve(message);
          else if (message.kind === "refused") resolve(message);
        },
        onEnd: (reason) =>
          fail("POINTSMAN_PLUGIN_IMPORT_FAILED", `${name}: its worker ended while it loaded the plugin: ${reason}.`),
      });
    });
  } finally {
    clearTimeout(timer);
    await thread?.terminate();
  }
}
