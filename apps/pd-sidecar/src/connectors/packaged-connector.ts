import { setTimeout as sleep } from "node:timers/promises";
import type { Diagnostic } from "@pointsman/diagnostics";
import type { Clock, Connector } from "@pointsman/plugin-api";
import { createRootContainer, loadPluginSet, type PluginEntry, TypeCatalogue } from "@pointsman/plugin-host";
import type { HostLogger } from "@pointsman/telemetry";
import { parsedJson } from "../options/check-settings.ts";
import type { Settings } from "../options/settings.ts";

export type PackagedConnector =
  | { readonly connector: Connector | undefined; stop(): Promise<void> }
  | { readonly diagnostics: readonly Diagnostic[] };

/** Sets up one plugin instance, as the picker does. It may need the logger, the clock and nothing else of the host. */
export async function loadPackagedConnector(settings: Settings, log: HostLogger): Promise<PackagedConnector> {
  const type = settings["kv-connector"];
  const parameters = parsedJson(settings["kv-connector-parameters"]);
  const entry: PluginEntry = {
    name: type,
    type,
    package: settings["kv-connector-package"],
    ...(parameters === undefined ? {} : { parameters }),
  };
  const cwd = process.cwd();
  const bases = [
    { label: "the working directory", dir: cwd },
    { label: "the host", dir: import.meta.dirname },
  ];
  const loaded = await loadPluginSet({
    entries: [entry],
    catalogue: new TypeCatalogue({ bases, configDir: cwd }),
    pathOf: () => undefined,
    allowExperimental: true,
    pool: "",
    root: createRootContainer(),
    services: (instance, onStop) => ({
      "core.logger": () => log.child({ plugin: instance.entry.name }),
      "core.clock": () => clockFor(onStop),
    }),
    guard: { now: () => performance.now() },
  });
  const { set } = loaded;
  if (set === undefined) return { diagnostics: loaded.diagnostics };
  await set.start();
  return { connector: set.providing("connector")[0]?.capability, stop: async () => void (await set.stop()) };
}

function clockFor(onStop: (task: () => void) => void): Clock {
  return {
    now: () => Date.now(),
    sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
    every(ms, task) {
      const timer = setInterval(task, ms);
      onStop(() => clearInterval(timer));
      return () => clearInterval(timer);
    },
  };
}
