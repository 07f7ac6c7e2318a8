import { durationBucketsMs, type PluginSet } from "@pointsman/plugin-host";
import { METRIC_PREFIX } from "@pointsman/telemetry";

/** Series of instances that live in worker threads; empty when there are none. */
export function renderWorkerSeries(set: PluginSet, escapeLabel: (value: string) => string): string[] {
  const isolated = set.instances.filter((instance) => instance.isolated !== undefined);
  if (isolated.length === 0) return [];
  const rows = (
    name: string,
    value: (worker: NonNullable<(typeof isolated)[number]["isolated"]>) => number,
  ): string[] =>
    isolated.map((instance) => `${METRIC_PREFIX}${name}{${labelsOf(instance)}} ${value(instance.isolated!)}`);
  const labelsOf = ({ entry, located }: (typeof isolated)[number]): string =>
    `plugin_type="${located.type}",plugin_name="${escapeLabel(entry.name)}"`;
  const trip = "plugin_worker_round_trip_seconds";
  const trips = isolated.flatMap((instance) => {
    const { buckets, calls, sumMs } = instance.isolated!.roundTrips;
    const labels = labelsOf(instance);
    let cumulated = 0;
    return [
      ...durationBucketsMs.map((bound, i) => {
        cumulated += buckets[i]!;
        return `${METRIC_PREFIX}${trip}_bucket{${labels},le="${bound / 1_000}"} ${cumulated}`;
      }),
      `${METRIC_PREFIX}${trip}_bucket{${labels},le="+Inf"} ${calls}`,
      `${METRIC_PREFIX}${trip}_sum{${labels}} ${sumMs / 1_000}`,
      `${METRIC_PREFIX}${trip}_count{${labels}} ${calls}`,
    ];
  });
  return [
    ...head("plugin_worker_up", "gauge", "1 while the worker thread of an isolated plugin answers."),
    ...rows("plugin_worker_up", ({ state }) => (state === "running" ? 1 : 0)),
    ...head(
      "plugin_worker_restarts_total",
      "counter",
      "Times the worker thread of an isolated plugin was started again.",
    ),
    ...rows("plugin_worker_restarts_total", ({ restarts }) => restarts),
    ...head("plugin_worker_late_votes_total", "counter", "Votes of isolated plugins that came too late or never."),
    ...rows("plugin_worker_late_votes_total", ({ lateVotes }) => lateVotes),
    ...head("plugin_worker_dropped_messages_total", "counter", "Messages that a worker thread was too far behind for."),
    ...rows("plugin_worker_dropped_messages_total", ({ dropped }) => dropped),
    ...head(trip, "histogram", "From a question to the votes of an isolated plugin."),
    ...trips,
  ];
}

function head(name: string, type: string, help: string): string[] {
  return [`# HELP ${METRIC_PREFIX}${name} ${help}`, `# TYPE ${METRIC_PREFIX}${name} ${type}`];
}
