import type { Connector } from "@pointsman/plugin-api";
import type { HostLogger } from "@pointsman/telemetry";
import type { Settings } from "../options/settings.ts";

/** Made once at start. */
type Load = (settings: Settings, log: HostLogger) => Promise<Connector>;

/** Our own connectors, loaded only when they are chosen. */
const connectors: Readonly<Record<string, Load>> = {
  nixlv2: async (settings, log) =>
    settings["moriio-write-mode"] || settings["moriio-dp-size"] > 1
      ? (await import("./moriio.ts")).createMoriioConnector(settings, log)
      : (await import("./nixlv2.ts")).createNixlV2Connector(settings, log),
  nixl: async () => (await import("./nixl.ts")).nixlConnector,
  lmcache: async () => (await import("./lmcache.ts")).lmcacheConnector,
  "shared-storage": async () => (await import("./shared-storage.ts")).sharedStorageConnector,
  sglang: async (settings) => (await import("./sglang.ts")).createSglangConnector(settings.sglangBootstrapPort),
  mooncake: async (settings) =>
    (await import("./mooncake.ts")).createMooncakeConnector(settings["mooncake-bootstrap-port"]),
  offloading: async (settings) => (await import("./offloading.ts")).createOffloadingConnector(settings),
};

export const connectorNames: readonly string[] = Object.keys(connectors);

/** @param name one of {@link connectorNames} */
export function loadOwnConnector(name: string, settings: Settings, log: HostLogger): Promise<Connector> {
  return connectors[name]!(settings, log);
}
