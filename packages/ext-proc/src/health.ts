import { EXT_PROC_SERVICE } from "./wire-names.ts";

/** The statuses of `grpc.health.v1.HealthCheckResponse` that are ever reported, with their numbers on the wire. */
export const HEALTH_STATUS = { SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;
export type HealthStatus = keyof typeof HEALTH_STATUS;

/** The process answers. */
export const LIVENESS = "liveness";
/** Requests may be sent here. */
export const READINESS = "readiness";

/**
 * What the gRPC health service tells, independent of the server that tells it; one object may stand behind several.
 *
 * Names: `liveness` is SERVING for as long as somebody answers; `readiness`, the ext_proc service name and `""` follow
 * `setServing`; every other name is unknown.
 */
export interface Health {
  /** Sets readiness; NOT_SERVING until the first call. */
  setServing(serving: boolean): void;
  status(service: string): HealthStatus;
  /**
   * Reports the status of a service now and whenever it changes.
   *
   * @returns ends the watch
   */
  watch(service: string, listener: (status: HealthStatus) => void): () => void;
}

const READY_NAMES: ReadonlySet<string> = new Set(["", READINESS, EXT_PROC_SERVICE]);

export function createHealth(): Health {
  let serving = false;
  const watchers = new Set<{ service: string; listener: (status: HealthStatus) => void }>();
  const status = (service: string): HealthStatus => {
    if (service === LIVENESS) return "SERVING";
    if (!READY_NAMES.has(service)) return "SERVICE_UNKNOWN";
    return serving ? "SERVING" : "NOT_SERVING";
  };
  return {
    setServing(value) {
      if (value === serving) return;
      serving = value;
      for (const { service, listener } of watchers) {
        if (READY_NAMES.has(service)) listener(status(service));
      }
    },
    status,
    watch(service, listener) {
      const watcher = { service, listener };
      watchers.add(watcher);
      listener(status(service));
      return () => watchers.delete(watcher);
    },
  };
}
