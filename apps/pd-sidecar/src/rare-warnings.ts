import type { HostLogger } from "@pointsman/telemetry";

const EVERY_MS = 1_000;

/**
 * The same log, with each warning at most once a second: what goes wrong for one request goes wrong for thousands. The
 * next line says how many were left out.
 */
export function rareWarnings(log: HostLogger, now: () => number = () => performance.now()): HostLogger {
  const last = new Map<string, { at: number; omitted: number }>();
  return {
    ...log,
    warn(message, fields) {
      const known = last.get(message);
      if (known !== undefined && now() - known.at < EVERY_MS) {
        known.omitted += 1;
        return;
      }
      const omitted = known?.omitted ?? 0;
      last.set(message, { at: now(), omitted: 0 });
      log.warn(message, omitted === 0 ? fields : { ...fields, omitted });
    },
  };
}
