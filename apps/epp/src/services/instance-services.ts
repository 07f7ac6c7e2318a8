import { setTimeout } from "node:timers/promises";
import type { Datastore } from "@pointsman/datastore";
import type { Attribute, Attributes, Clock, Endpoints, Logger, Random } from "@pointsman/plugin-api";
import type { PreparedInstance } from "@pointsman/plugin-host";
import { seededRandom } from "@pointsman/scheduling";
import type { HostLogger, PluginMetrics } from "@pointsman/telemetry";
import { assertDeclared } from "./endpoint-writer.ts";
import { limitedLog } from "./limited-log.ts";

const lostLines = { name: "plugin_log_lines_lost_total", help: "Log lines of a plugin that were cut or dropped." };

export interface InstanceServicesOptions {
  readonly datastore: Datastore;
  readonly log: HostLogger;
  readonly metrics: PluginMetrics;
  readonly seed: string;
}

/** The core services that each plugin instance has its own of, by service id. */
export function instanceServices(
  { entry, located, writes }: PreparedInstance,
  { datastore, log, metrics, seed }: InstanceServicesOptions,
  onStop: (task: () => void) => void,
): Readonly<Record<string, () => unknown>> {
  return {
    "core.logger": (): Logger => {
      const lost = metrics.forInstance(located.type, entry.name).counter(lostLines);
      return limitedLog(log.child({ plugin: entry.name, type: located.type }), () => lost.inc());
    },
    "core.metrics": () => metrics.forInstance(located.type, entry.name),
    "core.clock": (): Clock => hostClock(onStop),
    "core.random": (): Random => ({ next: seededRandom(seed, entry.name) }),
    "core.endpoints": (): Endpoints => ({
      list: () => datastore.snapshot().endpoints,
      get: (id) => datastore.snapshot().endpoints.find((endpoint) => endpoint.id === id),
      onChange: (listener) => {
        const unsubscribe = datastore.onChange((change) => {
          try {
            listener(change);
          } catch (error) {
            // The pool has changed for everybody, whatever one plugin makes of it.
            log.error("a plugin failed to follow the pool", { plugin: entry.name, error: String(error) });
          }
        });
        onStop(unsubscribe);
        return unsubscribe;
      },
    }),
    "core.attributes": (): Attributes => ({
      set: (endpointId, attribute, value) => {
        assertDeclared({ entry, writes }, attribute as Attribute);
        return datastore.write(endpointId, attribute as Attribute, value, { writer: entry.name });
      },
    }),
  };
}

function hostClock(onStop: (task: () => void) => void): Clock {
  return {
    now: () => Date.now(),
    // The promise form of setTimeout honours the signal and rejects with its reason as the cause.
    sleep: (ms, signal) => setTimeout(ms, undefined, signal === undefined ? {} : { signal }),
    every: (ms, task) => {
      const timer = setInterval(task, ms);
      onStop(() => clearInterval(timer));
      return () => clearInterval(timer);
    },
  };
}
