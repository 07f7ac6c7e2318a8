// The host package loads the metadata API that tsyringe asks for, so it comes first.

import type { Datastore } from "@pointsman/datastore";
import { createRootContainer } from "@pointsman/plugin-host";
import { EppMetrics, type HostLogger, PluginMetrics } from "@pointsman/telemetry";
import type { DependencyContainer, InjectionToken } from "tsyringe";
import { DecisionRing } from "./decisions/decision-ring.ts";

/** Tokens of the root singletons. */
export const tokens: {
  readonly log: InjectionToken<HostLogger>;
  readonly datastore: InjectionToken<Datastore>;
  readonly metrics: InjectionToken<EppMetrics>;
  readonly pluginMetrics: InjectionToken<PluginMetrics>;
  readonly decisions: InjectionToken<DecisionRing>;
} = {
  log: Symbol("pointsman.log"),
  datastore: Symbol("pointsman.datastore"),
  metrics: Symbol("pointsman.metrics"),
  pluginMetrics: Symbol("pointsman.plugin-metrics"),
  decisions: Symbol("pointsman.decisions"),
};

export interface RootBindings {
  readonly log: HostLogger;
  readonly datastore: Datastore;
  readonly streamMetrics: boolean;
  readonly decisionsKept: number;
  readonly decisionsBytes: number;
}

/** The one list of bindings. Everything is resolved here, before the first child container exists. */
export function composeRoot(bindings: RootBindings): DependencyContainer {
  const root = createRootContainer();
  const metrics = new EppMetrics({ streamMetrics: bindings.streamMetrics });
  root.register(tokens.log, { useValue: bindings.log });
  root.register(tokens.datastore, { useValue: bindings.datastore });
  root.register(tokens.metrics, { useValue: metrics });
  root.register(tokens.pluginMetrics, { useValue: new PluginMetrics(metrics.registry) });
  root.register(tokens.decisions, {
    useValue: new DecisionRing({ limit: bindings.decisionsKept, maxBytes: bindings.decisionsBytes }),
  });
  return root;
}
