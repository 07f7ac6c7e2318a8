import { durationBucketsMs, type PluginSet } from "@pointsman/plugin-host";
import { METRIC_PREFIX } from "@pointsman/telemetry";
import type { FaultCounts } from "./process-faults.ts";
import { renderWorkerSeries } from "./worker-gauges.ts";

const capabilityLabels: Readonly<Record<string, string>> = {
  filter: "Filter",
  scorer: "Scorer",
  picker: "Picker",
  profileHandler: "ProfilePicker",
  producer: "DataProducer",
  admitter: "Admission",
  parser: "RequestParsing",
  preCall: "RequestHeader",
  postChoice: "PreRequest",
  responseHeaders: "ResponseReceived",
  responseChunk: "ResponseStreaming",
  afterResponse: "ResponseComplete",
  decider: "Decider",
};

/**
 * The plain counters of the guards as Prometheus series, written only when the page is asked for.
 * `plugin_duration_seconds` is llm-d's; errors, corrections and breaker state are ours.
 */
export function renderPluginSeries(set: PluginSet, faults?: FaultCounts): string {
  const lines: string[] = [];
  const duration = `${METRIC_PREFIX}plugin_duration_seconds`;
  const errors = `${METRIC_PREFIX}plugin_errors_total`;
  const corrected = `${METRIC_PREFIX}plugin_corrected_results_total`;
  const breaker = `${METRIC_PREFIX}plugin_breaker_open`;
  const series: Record<"duration" | "errors" | "corrected" | "breaker", string[]> = {
    duration: [],
    errors: [],
    corrected: [],
    breaker: [],
  };
  for (const { entry, located, guards } of set.instances) {
    for (const [capability, { meter, breaker: circuit }] of guards) {
      const point = capabilityLabels[capability] ?? capability;
      const labels = `extension_point="${point}",plugin_type="${located.type}",plugin_name="${escapeLabel(entry.name)}"`;
      let cumulated = 0;
      durationBucketsMs.forEach((bound, i) => {
        cumulated += meter.buckets[i]!;
        series.duration.push(`${duration}_bucket{${labels},le="${bound / 1_000}"} ${cumulated}`);
      });
      series.duration.push(`${duration}_bucket{${labels},le="+Inf"} ${meter.calls}`);
      series.duration.push(`${duration}_sum{${labels}} ${meter.sumMs / 1_000}`);
      series.duration.push(`${duration}_count{${labels}} ${meter.calls}`);
      series.errors.push(`${errors}{${labels}} ${meter.errors}`);
      series.corrected.push(`${corrected}{${labels}} ${meter.corrected}`);
      series.breaker.push(`${breaker}{${labels}} ${circuit.state === "closed" ? 0 : 1}`);
    }
  }
  const block = (name: string, type: string, help: string, rows: readonly string[]): void => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...rows);
  };
  block(duration, "histogram", "Time of plugin calls.", series.duration);
  block(errors, "counter", "Plugin calls that failed.", series.errors);
  block(corrected, "counter", "Plugin results that had to be corrected.", series.corrected);
  block(breaker, "gauge", "1 while a plugin's capability is switched off by its circuit breaker.", series.breaker);
  lines.push(...renderWorkerSeries(set, escapeLabel));
  if (faults !== undefined) {
    const rows = (name: string, counts: ReadonlyMap<string, number>): string[] =>
      [...counts].map(([plugin, count]) => `${name}{plugin="${escapeLabel(plugin)}"} ${count}`);
    const stray = `${METRIC_PREFIX}plugin_stray_errors_total`;
    const patched = `${METRIC_PREFIX}plugin_patched_globals_total`;
    block(stray, "counter", "Errors that nobody waited for.", rows(stray, faults.strayErrors));
    block(patched, "counter", "Globals that were changed.", rows(patched, faults.patchedGlobals));
  }
  return `${lines.join("\n")}\n`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
