import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { Datastore } from "@pointsman/datastore";
import type { Diagnostic, DiagnosticCode } from "@pointsman/diagnostics";
import {
  createGrpcJsTransport,
  createHealthServer,
  createNativeTransport,
  type ExtProcTransport,
  type TlsIdentity,
} from "@pointsman/ext-proc";
import { type BootedPlugin, bootReport, type GuardOptions } from "@pointsman/plugin-host";
import { collectProcessMetrics, type HostLogger } from "@pointsman/telemetry";
import { composeRoot, tokens } from "./container.ts";
import { DecisionLog } from "./decisions/decision-log.ts";
import type { DecisionRing } from "./decisions/decision-ring.ts";
import { completeEppOptions, type EppOptions, type EppSettings } from "./epp-options.ts";
import { packagesOf, packagesOfConfig } from "./faults/attribute-error.ts";
import { FaultLog } from "./faults/fault-log.ts";
import { Generation } from "./generation.ts";
import type { PickerConfig } from "./load-picker-config.ts";
import { openElection } from "./open-election.ts";
import { openMetricsAccess } from "./open-metrics-access.ts";
import { renderPluginSeries } from "./plugin-gauges.ts";
import { reportPlugins } from "./plugin-report.ts";
import { createPoolGauges } from "./pool-gauges.ts";
import { reportPool } from "./pool-report.ts";
import { ProcessFaults } from "./process-faults.ts";
import { distrusted } from "./request/control-headers.ts";
import type { PickerContext } from "./request/picker-context.ts";
import { internalFault, toRejection } from "./request/refusals.ts";
import { RequestExchange } from "./request/request-exchange.ts";
import { AccessLog } from "./response/access-log.ts";
import { Activity } from "./scraping/activity.ts";
import { createAdminServer } from "./servers/admin-server.ts";
import { portError } from "./servers/listen.ts";
import { createMetricsServer } from "./servers/metrics-server.ts";
import type { RequestTracer } from "./tracing/request-tracer.ts";
import { version } from "./version.ts";

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
  /**
   * Applies another configuration: unchanged instances stay, changed ones are built and started beside them, new
   * requests use the new set from one moment to the next, and the old instances stop when their requests have ended.
   * Resolves then, with warnings.
   * @throws DiagnosticError when the configuration cannot be used; the old set goes on untouched.
   */
  reload(picker: PickerConfig): Promise<readonly Diagnostic[]>;
  /** NOT_SERVING at once, running requests finish within the limit, then everything stops. Idempotent. */
  drain(timeoutMs: number): Promise<readonly Diagnostic[]>;
}

/** How long requests that began with an old configuration keep its plugins alive, in milliseconds. */
const RELOAD_DRAIN_MS = 600_000;

type MutableContext = { -readonly [Key in keyof PickerContext]: PickerContext[Key] };

/** How often readiness is looked at, in milliseconds: plugins say it by a function, not by an event. */
const READINESS_INTERVAL_MS = 100;

/**
 * Composes and starts a picker. Health says NOT_SERVING until the first endpoints are known, which is when the
 * promise resolves.
 * @throws DiagnosticError with everything that is wrong; nothing is left running then.
 */
export async function createEpp(given: EppOptions): Promise<Epp> {
  const options = completeEppOptions(given);
  const { picker, log } = options;
  const datastore = new Datastore({ now: Date.now });
  const root = composeRoot({ ...options, datastore });
  const metrics = root.resolve(tokens.metrics);
  const pluginMetrics = root.resolve(tokens.pluginMetrics);
  const decisions = root.resolve(tokens.decisions);
  if (options.guardProcess) collectProcessMetrics(metrics.registry);
  const seed = options.seed ?? randomUUID();
  const activity = new Activity();

  const generationOptions = {
    pool: options.pool,
    allowExperimental: options.allowExperimental,
    seed,
    scrapeIntervalMs: options.scrapeIntervalMs,
    idleScrapeIntervalMs: options.idleScrapeIntervalMs,
    activity,
    root,
    datastore,
    metrics,
    pluginMetrics,
    log,
    guard: createGuardOptions(log),
    limits: options.pluginLimits,
  };
  const faults = options.guardProcess ? new ProcessFaults(log) : undefined;
  /** Loads the plugins of a configuration while their faults can be told apart. */
  const load = async (next: PickerConfig, previous?: Generation): Promise<Generation> => {
    faults?.know(await packagesOfConfig(next));
    const generation = await Generation.load({ ...generationOptions, picker: next }, previous);
    faults?.know(packagesOf(generation.set.instances));
    await faults?.lookAtGlobals();
    return generation;
  };
  let current = await load(picker).catch((error: unknown) => {
    faults?.close();
    throw error;
  });
  const context: MutableContext = {
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
    activity,
    accessLog: options.accessLog === "off" ? undefined : new AccessLog(options.accessLog, metrics),
    runtime: current.runtime,
    routedModels: new Set(),
    tracer: undefined,
  };
  const cleanups: (() => unknown)[] = [() => faults?.close(), () => current.stop()];
  const unwind = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await Promise.resolve(cleanup()).catch(() => {});
  };
  try {
    const gauges = createPoolGauges({ metrics, datastore, pool: options.pool, stalenessMs: options.stalenessMs });
    const faultLog = new FaultLog(log);
    const gaugeTimer = setInterval(() => {
      gauges.refresh();
      faultLog.refresh(current.set);
    }, options.gaugeIntervalMs);
    cleanups.push(() => clearInterval(gaugeTimer));
    metrics.info(version);
    const metricsPage = async (): Promise<string> =>
      (await metrics.page()) + renderPluginSeries(current.set, faults?.counts);

    const tracer = await loadTracer(options, (name) => context.runtime.set.get(name)?.entry.type);
    context.tracer = tracer;
    cleanups.push(() => tracer?.shutdown());

    if (options.record !== undefined) {
      const record = new DecisionLog({ ...options.record, keep: 3, log });
      decisions.onFinished((decision) => record.write(decision));
      cleanups.push(() => record.close());
    }

    let draining = false;
    const election = await openElection(options, metrics);
    cleanups.push(() => election?.close());
    const isReady = (): boolean =>
      !draining && datastore.loaded && current.set.ready() && (election?.isLeader() ?? true);
    const transport = openTransport(options, context);
    cleanups.push(() => transport.close());
    const health = await openHealth(options, transport);
    cleanups.push(() => health?.close());
    const { ports } = options;
    const access = await openMetricsAccess(options);
    cleanups.push(() => access?.close());
    const metricsServer =
      ports.metrics === undefined
        ? undefined
        : await createMetricsServer({
            host: options.host,
            port: ports.metrics,
            contentType: metrics.contentType,
            page: metricsPage,
            tls: options.metricsTls,
            access: access?.check,
          });
    cleanups.push(() => metricsServer?.close());
    const admin =
      ports.admin === undefined
        ? undefined
        : await createAdminServer({
            port: ports.admin,
            decisions,
            plugins: () => reportPlugins(current.set),
            pool: () => reportPool(datastore, current.set),
          });
    cleanups.push(() => admin?.close());

    // The health port is open by now and says NOT_SERVING: a prober learns the truth from the start. The ext_proc port is
    // not: a proxy that has not noticed a restart would get its requests refused for want of endpoints.
    const started = new AbortController();
    if (options.startLimitMs !== undefined) {
      // Stopping discovery lets it fail.
      setTimeout(options.startLimitMs, undefined, { signal: started.signal }).then(
        () => current.stop(),
        () => {},
      );
    }
    const { startSignal } = options;
    startSignal?.throwIfAborted();
    const giveUp = (): void => void current.stop();
    startSignal?.addEventListener("abort", giveUp, { once: true });
    await current.takeOver().finally(() => {
      started.abort();
      startSignal?.removeEventListener("abort", giveUp);
    });
    const grpc = await transport
      .listen({
        host: options.host,
        port: options.ports.grpc,
        ...(options.tls === undefined ? {} : { tls: options.tls }),
      })
      .catch((cause: unknown) => Promise.reject(portError(cause, options.host, options.ports.grpc, "ext_proc")));
    gauges.refresh();
    election?.start();
    transport.setServing(isReady());
    const readiness = setInterval(() => transport.setServing(isReady()), READINESS_INTERVAL_MS);
    cleanups.push(() => clearInterval(readiness));

    /** Reloads come one after the other. */
    let reloading: Promise<unknown> = Promise.resolve();
    const reload = async (next: PickerConfig): Promise<readonly Diagnostic[]> => {
      const old = current;
      const generation = await load(next, old);
      const discovered = generation.takeOver(old);
      // From here on new requests use the new set; nothing can come between, as nothing is awaited.
      generation.set.succeed(old.set);
      context.runtime = generation.runtime;
      current = generation;
      await discovered;
      await Promise.race([old.runtime.requests.whenIdle(), setTimeout(RELOAD_DRAIN_MS, undefined, { ref: false })]);
      return [...generation.warnings, ...(await old.set.stop())];
    };
    faults?.started();
    let ended: Promise<readonly Diagnostic[]> | undefined;
    const drain = async (timeoutMs: number): Promise<readonly Diagnostic[]> => {
      draining = true;
      transport.setServing(false);
      // Others take over while the running requests end here.
      await Promise.all([election?.release(), transport.drain(timeoutMs)]);
      await reloading.catch(() => {});
      await unwind();
      return current.stop();
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
      get boot() {
        return bootReport(current.set);
      },
      warnings: current.warnings,
      get ready() {
        return isReady();
      },
      get activeStreams() {
        return transport.activeStreams;
      },
      reload: (next) => {
        const result = reloading.then(() => reload(next));
        reloading = result.catch(() => {});
        return result;
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

/** Logs what circuit breakers do. */
function createGuardOptions(log: HostLogger): GuardOptions {
  return {
    now: () => performance.now(),
    onBreaker: (instance, capability, state, cause) => {
      const code: DiagnosticCode = "POINTSMAN_PLUGIN_CRASHED_CALL";
      const fields = { code, plugin: instance, capability, cause: cause instanceof Error ? cause.message : cause };
      if (state === "open") log.error("a plugin keeps failing and is switched off for a while", fields);
      else if (state === "closed") log.info("the plugin works again", fields);
    },
  };
}

/** OpenTelemetry is loaded here, when it is asked for, and nowhere else. */
async function loadTracer(
  { tracing, pool, log }: EppSettings,
  typeOf: (instance: string) => string | undefined,
): Promise<RequestTracer | undefined> {
  if (tracing === undefined) return undefined;
  const { createRequestTracer } = await import("./tracing/request-tracer.ts");
  return createRequestTracer({ settings: tracing, pool, log, typeOf });
}

function openTransport(options: EppSettings, context: PickerContext): ExtProcTransport {
  const { log, metrics } = context;
  let overrideReported = false;
  const createTransport = options.transport === "native" ? createNativeTransport : createGrpcJsTransport;
  return createTransport({
    ...(context.accessLog === undefined ? {} : { accessLog: context.accessLog }),
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

async function openHealth(options: EppSettings, transport: ExtProcTransport) {
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
