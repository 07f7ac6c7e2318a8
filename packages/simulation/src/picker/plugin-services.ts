import type { Datastore } from "@pointsman/datastore";
import type { Attribute, Attributes, Clock, Endpoints, Logger, Metrics, Random } from "@pointsman/plugin-api";
import type { PreparedInstance } from "@pointsman/plugin-host";
import { seededRandom } from "@pointsman/scheduling";
import type { VirtualClock } from "./virtual-clock.ts";

/** A line that a plugin logged as a warning or an error. */
export interface PluginLine {
  readonly instance: string;
  readonly message: string;
}

export interface PluginServicesOptions {
  readonly datastore: Datastore;
  readonly clock: VirtualClock;
  readonly seed: string;
  readonly lines: PluginLine[];
}

const nothing = (): void => {};
const noMetrics: Metrics = {
  counter: () => ({ inc: nothing }),
  gauge: () => ({ set: nothing, remove: nothing }),
  histogram: () => ({ observe: nothing }),
};

/** The core services of one instance on the time and the pool of the run. Metrics go nowhere. */
export function pluginServices(
  { entry, writes }: PreparedInstance,
  { datastore, clock, seed, lines }: PluginServicesOptions,
  onStop: (task: () => void) => void,
): Readonly<Record<string, () => unknown>> {
  const keep = (message: string): void => void lines.push({ instance: entry.name, message });
  return {
    "core.logger": (): Logger => ({ debug: nothing, info: nothing, warn: keep, error: keep }),
    "core.metrics": () => noMetrics,
    "core.clock": (): Clock => clock.forInstance(onStop),
    "core.random": (): Random => ({ next: seededRandom(seed, entry.name) }),
    "core.endpoints": (): Endpoints => ({
      list: () => datastore.snapshot().endpoints,
      get: (id) => datastore.snapshot().endpoints.find((endpoint) => endpoint.id === id),
      onChange: (listener) => {
        const unsubscribe = datastore.onChange(listener);
        onStop(unsubscribe);
        return unsubscribe;
      },
    }),
    "core.attributes": (): Attributes => ({
      set: (endpointId, attribute, value) => {
        if (!writes.some(({ key }) => key === attribute.key)) {
          throw new TypeError(`${entry.name} does not list ${attribute.key} in its writes`);
        }
        return datastore.write(endpointId, attribute as Attribute, value, { writer: entry.name });
      },
    }),
  };
}
