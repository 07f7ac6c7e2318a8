import { collectDefaultMetrics, type Registry } from "prom-client";

/** How finely delays of the event loop are measured, in milliseconds. */
const EVENT_LOOP_RESOLUTION_MS = 10;

/**
 * CPU, memory, garbage collection and the delay of the event loop under their usual names (`process_*`, `nodejs_*`).
 * They concern the whole process: call it once, where the process belongs to one registry.
 */
export function collectProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_RESOLUTION_MS });
}
