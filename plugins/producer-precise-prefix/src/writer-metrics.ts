import type { WriterStatistics } from "@pointsman/kv-cache/redis";
import type { Metrics } from "@pointsman/plugin-api";

/** What becomes of changes that are written to a shared index. Brought up to date with each call of the result. */
export function writerMetrics(metrics: Metrics): (statistics: WriterStatistics) => void {
  const changes = metrics.counter({
    name: "kv_cache_index_writes_total",
    help: "Blocks whose change was written to the shared index, refused by Redis, or dropped because too many waited.",
    labels: ["outcome"],
  });
  const waiting = metrics.gauge({
    name: "kv_cache_index_writes_waiting",
    help: "Blocks whose change waits to be written to the shared index.",
  });
  const before = new Map<string, number>();
  return ({ queued, written, dropped, refused }) => {
    waiting.set(queued);
    for (const [outcome, count] of Object.entries({ written, dropped, refused })) {
      const by = count - (before.get(outcome) ?? 0);
      before.set(outcome, count);
      if (by > 0) changes.inc({ outcome }, by);
    }
  };
}
