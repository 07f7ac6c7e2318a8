import { DiagnosticError, diagnostic } from "@pointsman/diagnostics";
import type { HostLogger } from "@pointsman/telemetry";
import { parsePoolName, type Settings } from "../options/settings.ts";
import { type AllowedHosts, watchEndpointsFile } from "./allowed-hosts.ts";
import { allowAll, allowListed, allowPrivate, type TargetGuard } from "./target-guard.ts";
import type { PoolName } from "./watch-pool.ts";

/** Follows an InferencePool: the names and addresses of the pods it selects. */
export type PoolWatch = (pool: PoolName, log: HostLogger) => AllowedHosts;

/** Which servers headers may name, by what the settings say about it. */
export function chooseGuard(
  settings: Settings,
  log: HostLogger,
  poolWatch: PoolWatch | undefined,
): { guard: TargetGuard; close(): void } {
  const enabled = settings["enable-ssrf-protection"];
  const file = settings["ssrf-allowlist-file"];
  const pool = parsePoolName(settings["inference-pool"]);
  const nothing = (): void => {};
  if (enabled === false) return { guard: allowAll, close: nothing };
  if (file !== "") {
    const hosts = watchEndpointsFile(file, log);
    return { guard: allowListed(hosts), close: () => hosts.close() };
  }
  if (typeof pool === "object") {
    if (poolWatch === undefined) {
      const message = "--inference-pool: this process runs in no Kubernetes pod, so nobody can follow the pool.";
      const hint = "Give --ssrf-allowlist-file, or --enable-ssrf-protection=false.";
      throw new DiagnosticError(diagnostic("POINTSMAN_CLI_FLAG_VALUE", message, { hint }));
    }
    const hosts = poolWatch({ ...pool, group: settings["pool-group"] }, log);
    return { guard: allowListed(hosts), close: () => hosts.close() };
  }
  log.warn("no allow-list of targets: headers may name any private address, no public and no link-local one", {
    remedy: "--ssrf-allowlist-file, --inference-pool, or --enable-ssrf-protection=false",
  });
  return { guard: allowPrivate, close: nothing };
}
