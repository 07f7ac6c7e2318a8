import { randomUUID } from "node:crypto";
import type { Discovery } from "@pointsman/plugin-api";
import { Datastore } from "@pointsman/datastore";
import { type Diagnostic, type DiagnosticCode, DiagnosticError, diagnostic } from "@pointsman/diagnostics";
import { createGrpcJsTransport, createHealthServer, type ExtProcTransport, type TlsIdentity } from "@pointsman/ext-proc";
import { type BootedPlugin, bootReport, loadPluginSet, type PluginSet } from "@pointsman/plugin-host";
import type { HostLogger } from "@pointsman/telemetry";
import { composeRoot, tokens } from "./container.ts";
import { DecisionLog } from "./decisions/decision-log.ts";
import type { DecisionRing } from "./decisions/decision-ring.ts";
import type { PickerConfig } from "./load-picker-config.ts";
import { createPickerRuntime } from "./picker-runtime.ts";
import { renderPluginSeries } from "./plugin-gauges.ts";
import { reportPlugins } from "./plugin-report.ts";
import { createPoolGauges } from "./pool-gauges.ts";
import { reportPool } from "./pool-report.ts";
import { distrusted, type TrustedHeaders } from "./request/control-headers.ts";
import type { PickerContext } from "./request/picker-context.ts";
import { internalFault, toRejection } from "./request/refusals.ts";
import { RequestExchange } from "./request/request-exchange.ts";
import { ScrapeLoop, scrapeSources } from "./scraping/scrape-loop.ts";
import { createAdminServer } from "./servers/admin-server.ts";
import { portError } from "./servers/listen.ts";
import { createMetricsServer } from "./servers/metrics-server.ts";
import { instanceServices } from "./services/instance-services.ts";
import { version } from "./version.ts";

export interface EppOptions {
  readonly picker: PickerConfig;
  readonly log: HostLogger;
  readonly pool: string;
  readonly host: string;
  /** 0 chooses a free port; undefined leaves the server out. */
  readonly ports: {
    readonly grpc: number;
    readonly health?: number;
    readonly metrics?: number;
    readonly admin?: number;
  };
  readonly tls: TlsIdentity | "self-signed" | undefined;
  readonly maxReceiveMessageBytes: number;
  readonly maxBodyBytes: number;
  readonly trustedHeaders: TrustedHeaders;
  readonly restoreModel: boolean;
  readonly honourSubset: boolean;
  readonly emitScores: boolean;
  readonly decisionTimeoutMs: number;
  readonly seed: string | undefined;
  readonly allowExperimental: boolean;
  readonly scrapeIntervalMs: number;
  readonly gaugeIntervalMs: number;
  readonly stalenessMs: number;
  readonly streamMetrics: boolean;
  readonly decisionsKept: number;
  readonly decisionsBytes: number;
  readonly record: { readonly file: string; readonly maxBytes: number } | undefined;
}

/** A running endpoint picker. */
export interface Epp {
  readonly ports: { readonly grpc: number; readonly health: number; readonly metrics: number; readonly admin: number };
  readonly datastore: Datastore;
  readonly decisions: DecisionRing;
  readonly boot: readonly BootedPlugin[];
  /** Warnings of the start. */
  readonly warnings: readonly Diagnostic[];
  /** True when requests can be served: endpoints are known, plugins are ready, no drain has begun. */
  readonly ready: boolean;
  /** Ext_proc streams that have not ended. */
  readonly activeStreams: number;
  /** Opens an exchange that no proxy is behind: how checks and tests ask for a decision. */
  openExchange(): RequestExchange;
  metricsPage(): Promise<string>;
  setCertificate(identity: TlsIdentity): void;
  /** NOT_SERVING at once, running requests finish within the limit, then everything stops. Idempotent. */
  drain(timeoutMs: number): Promise<readonly Diagnostic[]>;
}

/** How often readiness is looked at, in milliseconds: plugins say it by a function, not by an event. */
const READINESS_INTERVAL_MS = 100;

/**
 * Composes and starts a picker. Ports are open when the promise resolves; health says NOT_SERVING until the first
 * endpoints are known.
 * @throws DiagnosticError with everything that is wrong; nothing is left running then.
 */
export async function createEpp(options: EppOptions): Promise<Epp> {
  const { picker, log } = options;
  const datastore = new Datastore({ now: Date.now });
  const root = composeRoot({ ...options, datastore });
  const metrics = root.resolve(tokens.metrics);
  const pluginMetrics = root.resolve(tokens.pluginMetrics);
  const decisions = root.resolve(tokens.decisions);
  const seed = options.seed ?? randomUUID();

  const { set, diagnostics } = await loadPluginSet({
    entries: picker.config.plugins,
    catalogue: picker.catalogue,
    pathOf: picker.pathOf,
    allowExperimental: options.allowExperimental,
    pool: options.pool,
    root,
    services: (instance, onStop) =>
      instanceServices(instance, { datastore, log, metrics: pluginMetrics, seed }, onStop),
    guard: {
      now: () => performance.now(),
      onBreaker: (instance, capability, state, cause) => {
        const code: DiagnosticCode = "POINTSMAN_PLUGIN_CRASHED_CALL";
        const fields = { code, plugin: instance, capability, cause: cause instanceof Error ? cause.message : cause };
        if (state === "open") log.error("a plugin keeps failing and is switched off for a while", fields);
        else if (state === "closed") log.info("the plugin works again", fields);
      },
    },
  });
  if (set === undefined) throw new DiagnosticError(diagnostics);
  checkHandler(picker, set);

  for (const { attribute, writer } of set.endpointWriters()) datastore.bind(attribute, writer);
  const cleanups: (() => unknown)[] = [() => set.stop()];
  const unwind = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await Promise.resolve(cleanup()).catch(() => {});
  };
  try {
    await set.start();
    const context: PickerContext = {
      options: {
        trustedHeaders: options.trustedHeaders,
        hiddenHeaders: distrusted(options.trustedHeaders),
        decisionTimeoutMs: options.decisionTimeoutMs,
        honourSubset: options.honourSubset,
        emitScores: options.emitScores,
        restoreModel: options.restoreModel,
        seed,
      },
      datastore,
      metrics,
      decisions,
      log,
      runtime: createPickerRuntime(picker.config, set),
      routedModels: new Set(),
    };
    const loop = new ScrapeLoop({
      sources: scrapeSources(picker.config, set),
      datastore,
      metrics,
      log,
      defaultIntervalMs: options.scrapeIntervalMs,
      judgesReadiness: true,
    });
    cleanups.push(() => loop.stop());
    const discovery = startDiscovery(picker, set, datastore);
    cleanups.push(() => discovery.stop());
    await discovery.loaded;

    const gauges = createPoolGauges({ metrics, datastore, pool: options.pool, stalenessMs: options.stalenessMs });
    gauges.refresh();
    const gaugeTimer = setInterval(() => gauges.refresh(), options.gaugeIntervalMs);
    cleanups.push(() => clearInterval(gaugeTimer));
    metrics.info(version);
    const metricsPage = async (): Promise<string> => (await metrics.page()) + renderPluginSeries(set);

    if (options.record !== undefined) {
      const record = new DecisionLog({ ...options.record, keep: 3, log });
      decisions.onFinished((decision) => record.write(decision));
      cleanups.push(() => record.close());
    }

    let draining = false;
    const isReady = (): boolean => !draining && datastore.loaded && set.ready();
    const transport = createTransport(options, context);
    cleanups.push(() => transport.close());
    const grpc = await transport
      .listen({ host: options.host, port: options.ports.grpc, ...(options.tls === undefined ? {} : { tls: options.tls }) })
      .catch((cause: unknown) => Promise.reject(portError(cause, options.host, options.ports.grpc, "ext_proc")));
    const health = await openHealth(options, transport);
    cleanups.push(() => health?.close());
    const { ports } = options;
    const metricsServer =
      ports.metrics === undefined
        ? undefined
        : await createMetricsServer({
            host: options.host,
            port: ports.metrics,
            contentType: metrics.contentType,
            page: metricsPage,
          });
    cleanups.push(() => metricsServer?.close());
    const admin =
      ports.admin === undefined
        ? undefined
        : await createAdminServer({
            port: ports.admin,
            decisions,
            plugins: () => reportPlugins(set),
            pool: () => reportPool(datastore, set),
          });
    cleanups.push(() => admin?.close());

    transport.setServing(isReady());
    const readiness = setInterval(() => transport.setServing(isReady()), READINESS_INTERVAL_MS);
    cleanups.push(() => clearInterval(readiness));

    let ended: Promise<readonly Diagnostic[]> | undefined;
    const drain = async (timeoutMs: number): Promise<readonly Diagnostic[]> => {
      draining = true;
      transport.setServing(false);
      await transport.drain(timeoutMs);
      await unwind();
      return set.stop();
    };
    return {
      ports: {
        grpc: grpc.port,
        health: health?.port ?? 0,
        metrics: metricsServer?.port ?? 0,
        admin: admin?.port ?? 0,
      },
      datastore,
      decisions,
      boot: bootReport(set),
      warnings: diagnostics,
      get ready() {
        return isReady();
      },
      get activeStreams() {
        return transport.activeStreams;
      },
      openExchange: () => new RequestExchange(context),
      metricsPage,
      setCertificate: ({ key, cert }) => transport.setCertificate(key, cert),
      drain: (timeoutMs) => {
        ended ??= drain(timeoutMs);
        return ended;
      },
    };
  } catch (error) {
    await unwind();
    throw error;
  }
}

function createTransport(options: EppOptions, context: PickerContext): ExtProcTransport {
  const { log, metrics } = context;
  let overrideReported = false;
  return createGrpcJsTransport({
    handler: { open: () => new RequestExchange(context) },
    maxReceiveMessageBytes: options.maxReceiveMessageBytes,
    limits: { maxBodyBytes: options.maxBodyBytes },
    internalError: (error: unknown) => {
      log.error("a request could not be handled", { error: error instanceof Error ? error.stack : String(error) });
      return toRejection(internalFault, undefined);
    },
    onHandlerError: (error: unknown) => {
      log.error("an answer could not be handled", { error: error instanceof Error ? error.stack : String(error) });
    },
    onProtocolError: (error: Error) => {
      metrics.protocolErrors.inc();
      log.warn("the proxy broke the protocol", { error: error.message });
    },
    onOverrideIgnored: () => {
      metrics.overrideIgnored.inc();
      if (overrideReported) return;
      overrideReported = true;
      log.warn("the proxy does not send response bodies that were asked for; set allow_mode_override: true");
    },
  });
}

async function openHealth(options: EppOptions, transport: ExtProcTransport) {
  const port = options.ports.health;
  if (port === undefined) return undefined;
  try {
    const server = createHealthServer(transport.health);
    const bound = await server.listen({ host: options.host, port });
    return { port: bound.port, close: () => server.close() };
  } catch (cause) {
    throw portError(cause, options.host, port, "health");
  }
}

/** Starts the configured discovery: `loaded` settles with its first complete set of endpoints. */
function startDiscovery(picker: PickerConfig, set: PluginSet, datastore: Datastore) {
  const name = picker.config.dataLayer.discovery?.pluginRef ?? "";
  const discovery: Discovery | undefined = set.get(name)?.capabilities.discovery;
  const abort = new AbortController();
  const loaded = async (): Promise<void> => {
    if (discovery === undefined) return;
    try {
      await discovery.discover({ replace: (endpoints) => datastore.replace(endpoints) }, abort.signal);
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new DiagnosticError(
        diagnostic("POINTSMAN_PLUGIN_START_FAILED", `${name} cannot tell the endpoints: ${text}`, { origin: name, cause }),
      );
    }
  };
  return { loaded: loaded(), stop: () => abort.abort(new Error("the picker stops")) };
}

/** Lets the profile handler refuse a set of profiles it cannot serve. */
function checkHandler({ config }: PickerConfig, set: PluginSet): void {
  const handler = set.providing("profileHandler")[0];
  const complaint = handler?.capability.check?.(config.schedulingProfiles.map(({ name }) => name));
  if (complaint === undefined) return;
  throw new DiagnosticError(
    diagnostic("POINTSMAN_CONFIG_PROFILE_HANDLER", `${handler?.instance.entry.name}: ${complaint}`, {
      path: ["schedulingProfiles"],
    }),
  );
}
