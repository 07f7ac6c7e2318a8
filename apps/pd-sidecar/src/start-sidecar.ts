import { createSecureContext } from "node:tls";
import { DiagnosticError } from "@pointsman/diagnostics";
import type { Connector } from "@pointsman/plugin-api";
import { createScrapeClient } from "@pointsman/scrape-client";
import { createLogger, type HostLogger } from "@pointsman/telemetry";
import { createAdmissionQueue } from "./admission/admission-queue.ts";
import { createBufferBudget } from "./admission/buffer-budget.ts";
import { KvGate, pollKvUsage } from "./admission/kv-pressure.ts";
import { loadConnector } from "./connectors/load-connector.ts";
import { encoderConnector } from "./encoder/encoder-connectors.ts";
import { Generation } from "./exchange/generation.ts";
import type { Parts } from "./exchange/parts.ts";
import { passThrough } from "./exchange/pass-through.ts";
import { passUpgrade } from "./exchange/pass-upgrade.ts";
import { pathOf, routeOf } from "./exchange/routes.ts";
import { type Levels, SidecarMetrics } from "./metrics.ts";
import { checkSettings } from "./options/check-settings.ts";
import { DEFAULTS, type Settings } from "./options/settings.ts";
import { rareWarnings } from "./rare-warnings.ts";
import { type Listener, listen } from "./server/listeners.ts";
import { serveMetrics } from "./server/metrics-server.ts";
import { identityFromFolder, type ServingIdentity, selfSignedIdentity } from "./server/serving-identity.ts";
import { chooseGuard, type PoolWatch } from "./ssrf/choose-guard.ts";
import { createUpstreamClient } from "./upstream/upstream-client.ts";

/** The local model server is in the same pod. */
const LOCAL = "127.0.0.1";
const METRICS_PAGE_BYTES = 16 * 1_048_576;

/** Settings by flag name, durations in milliseconds; what is left out has the flag's default. */
export interface SidecarOptions extends Partial<Settings> {
  readonly log?: HostLogger;
  /** Instead of the connector that `kv-connector` names. */
  readonly connector?: Connector;
  /** Follows the pods of `inference-pool`. */
  readonly poolWatch?: PoolWatch;
}

/** A sidecar that listens. */
export interface Sidecar {
  /** Of rank 0; the other ranks are behind it. */
  readonly port: number;
  /** 0 when there is none. */
  readonly metricsPort: number;
  /** What is held at this moment; all zero when nothing runs. */
  levels(): Levels;
  /** The text of the metrics page. */
  metrics(): Promise<string>;
  /** Takes no new connections, lets running answers end for up to `timeoutMs`, and closes. */
  drain(timeoutMs: number): Promise<void>;
  /** Cuts everything off. */
  close(): Promise<void>;
}

/**
 * Starts a sidecar. It does not wait for the model server.
 *
 * @throws DiagnosticError when a setting cannot be used or a port cannot be bound; nothing is left open then
 */
export async function startSidecar(options: SidecarOptions = {}): Promise<Sidecar> {
  const { log: givenLog, connector: givenConnector, poolWatch, ...given } = options;
  const settings: Settings = { ...DEFAULTS, ...given };
  const mistakes = givenConnector === undefined ? checkSettings(settings) : [];
  if (mistakes.length > 0) throw new DiagnosticError(mistakes);
  const log = rareWarnings(givenLog ?? createLogger({ level: settings["log-level"] as "info" }));
  const undo: (() => void | Promise<void>)[] = [];
  const release = async (): Promise<void> => {
    for (const task of undo.splice(0).reverse()) await task();
  };
  try {
    return await start(settings, { log, givenConnector, poolWatch, undo, release });
  } catch (error) {
    await release();
    throw error;
  }
}

interface Start {
  readonly log: HostLogger;
  readonly givenConnector: Connector | undefined;
  readonly poolWatch: PoolWatch | undefined;
  readonly undo: (() => void | Promise<void>)[];
  readonly release: () => Promise<void>;
}

async function start(settings: Settings, { log, givenConnector, poolWatch, undo, release }: Start): Promise<Sidecar> {
  const { guard, close: closeGuard } = chooseGuard(settings, log, poolWatch);
  undo.push(closeGuard);
  const loaded = givenConnector === undefined ? await loadConnector(settings, log) : undefined;
  if (loaded !== undefined) undo.push(loaded.stop);
  const connector = givenConnector ?? loaded!.connector;

  const gate = new KvGate({
    high: settings["kv-high-water-percent"] / 100,
    low: (settings["kv-low-water-percent"] || Math.max(0, settings["kv-high-water-percent"] - 5)) / 100,
    minFreeBlocks: settings["kv-min-free-blocks"],
  });
  const queue = createAdmissionQueue({
    maxDecodes: settings["max-concurrent-decodes"],
    maxPrefills: settings["max-concurrent-prefills"],
    maxQueue: settings["max-queue"],
    timeoutMs: settings["queue-timeout"],
    hasRoom: (claim, reserved, running) => gate.hasRoom(claim, reserved, running),
  });
  const budget = createBufferBudget(settings["buffer-budget-bytes"]);
  const levels = (): Levels => ({
    waiting: queue.waiting,
    decodes: queue.decodes,
    prefills: queue.prefills,
    bufferedBytes: budget.used,
    kvClosed: gate.isClosed,
  });
  const metrics = new SidecarMetrics(levels);
  const clientOf = (stage: string) =>
    createUpstreamClient({
      tls: settings["enable-tls"].includes(stage),
      verify: !settings["tls-insecure-skip-verify"].includes(stage),
      maxIdle: settings["max-idle-conns-per-host"],
      ...(stage === "decoder" || guard.lookup === undefined ? {} : { lookup: guard.lookup }),
    });
  const parts: Parts = {
    ...{ settings, log, metrics, connector, guard, queue, gate, budget },
    encoderConnector: encoderConnector(settings["ec-connector"]),
    clients: { prefiller: clientOf("prefiller"), decoder: clientOf("decoder"), encoder: clientOf("encoder") },
    limited: settings["max-concurrent-decodes"] > 0 || settings["max-concurrent-prefills"] > 0 || !gate.isOff,
  };
  for (const client of Object.values(parts.clients)) undo.push(() => client.close());
  if (!gate.isOff) undo.push(watchKvUsage(settings, gate, () => queue.look()));

  const identity = settings["secure-proxy"] ? identityOf(settings, log) : undefined;
  if (identity !== undefined) undo.push(() => identity.close());
  const listeners = await listenOnRanks(parts, identity, undo);
  const port = listeners[0]!.port;
  const metricsServer = await serveMetrics(settings["metrics-port"], metrics);
  undo.push(() => metricsServer.close());

  return {
    port,
    metricsPort: metricsServer.port,
    levels,
    metrics: () => metrics.registry.metrics(),
    async drain(timeoutMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeoutMs);
      });
      await Promise.race([Promise.all(listeners.map((listener) => listener.drain())), late]);
      clearTimeout(timer);
      await release();
    },
    close: release,
  };
}

/** One listener per data-parallel rank; only the first looks at the header that names another. */
async function listenOnRanks(
  parts: Parts,
  identity: ServingIdentity | undefined,
  undo: Start["undo"],
): Promise<Listener[]> {
  const { settings } = parts;
  const listeners: Listener[] = [];
  for (let i = 0; i < settings["data-parallel-size"]; i++) {
    const decoder = { host: LOCAL, port: settings["model-server-port"] + i };
    // Port 0 is chosen by the system; the ranks behind it must follow.
    const wanted = i === 0 ? settings.port : listeners[0]!.port + i;
    const rank = {
      port: wanted,
      decoder,
      others: i === 0 && settings["data-parallel-size"] > 1 ? otherRanks : undefined,
    };
    const listener = await listen(settings.host, wanted, {
      identity,
      upgrade: (request, client, head) => passUpgrade(parts, rank, request, client, head),
      serve(request, response) {
        const url = request.url!;
        if (pathOf(url) === "/health" && request.method === "GET") {
          response.writeHead(200, { "content-length": 0 }).end();
          return;
        }
        const route = routeOf(request.method, url);
        if (route === undefined) void passThrough(parts, rank, request, response);
        else void new Generation(parts, rank, route, request, response).run();
      },
    });
    if (i === 0) rank.port = listener.port;
    listeners.push(listener);
    undo.push(() => listener.close());
  }
  return listeners;

  function otherRanks(name: string) {
    const first = listeners[0]!.port;
    for (let i = 0; i < settings["data-parallel-size"]; i++) {
      if (name === `${settings.podIp}:${first + i}`) return { host: LOCAL, port: settings["model-server-port"] + i };
    }
    return undefined;
  }
}

function identityOf(settings: Settings, log: HostLogger): ServingIdentity {
  const folder = settings["cert-path"];
  return folder === "" ? selfSignedIdentity(settings.podIp) : identityFromFolder(folder, log);
}

function watchKvUsage(settings: Settings, gate: KvGate, look: () => void): () => void {
  const tls = settings["enable-tls"].includes("decoder")
    ? {
        secureContext: createSecureContext(),
        rejectUnauthorized: !settings["tls-insecure-skip-verify"].includes("decoder"),
      }
    : undefined;
  const client = createScrapeClient({ path: "/metrics", accept: "text/plain", maxBodyBytes: METRICS_PAGE_BYTES, tls });
  return pollKvUsage({
    client,
    host: LOCAL,
    port: settings["model-server-port"],
    intervalMs: settings["kv-poll-interval"],
    onUsage(usage) {
      gate.update(usage);
      look();
    },
  });
}
