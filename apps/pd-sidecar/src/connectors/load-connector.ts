import { DiagnosticError, diagnostic } from "@pointsman/diagnostics";
import type { Connector } from "@pointsman/plugin-api";
import type { HostLogger } from "@pointsman/telemetry";
import type { Settings } from "../options/settings.ts";
import { loadOwnConnector } from "./connector-table.ts";

export interface LoadedConnector {
  readonly connector: Connector;
  stop(): Promise<void>;
}

/**
 * The connector that the settings name: our own, or the plugin type of a package.
 *
 * @throws DiagnosticError when the package cannot be used
 */
export async function loadConnector(settings: Settings, log: HostLogger): Promise<LoadedConnector> {
  const name = settings["kv-connector"];
  if (settings["kv-connector-package"] === "") {
    return { connector: await loadOwnConnector(name, settings, log), stop: async () => {} };
  }
  // The plugin host is large; only who brings a connector pays for it.
  const { loadPackagedConnector } = await import("./packaged-connector.ts");
  const loaded = await loadPackagedConnector(settings, log);
  if ("diagnostics" in loaded) throw new DiagnosticError(loaded.diagnostics);
  if (loaded.connector !== undefined) return { connector: loaded.connector, stop: loaded.stop };
  await loaded.stop();
  const message = `--kv-connector: "${name}" of ${settings["kv-connector-package"]} is no connector.`;
  throw new DiagnosticError(diagnostic("POINTSMAN_CLI_FLAG_VALUE", message));
}
