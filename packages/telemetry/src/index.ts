export { CappedCounter, CappedGauge, CappedHistogram, LABEL_SET_LIMIT } from "./capped-metrics.ts";
export type { EppMetricsOptions, RequestLabels } from "./epp-metrics.ts";
export { EppMetrics, METRIC_PREFIX } from "./epp-metrics.ts";
export type { HostLogger, LogLevel, LogOptions } from "./logger.ts";
export { createLogger } from "./logger.ts";
export { PluginMetrics } from "./plugin-metrics.ts";
export { collectProcessMetrics } from "./process-metrics.ts";
export type { TracingSettings } from "./tracing/tracing-settings.ts";
