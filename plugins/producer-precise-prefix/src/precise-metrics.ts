import type { ExactIndexStatistics, FeedCounts, KvEventCounts } from "@pointsman/kv-cache";
import type { Metrics } from "@pointsman/plugin-api";

export interface PreciseMetrics {
  /** One look-up: the most leading blocks that an endpoint holds, and how long it took. */
  lookedUp(longest: number, seconds: number): void;
  /** Everything that is counted elsewhere, brought up to date. */
  report(index: ExactIndexStatistics, feed: FeedCounts, events: KvEventCounts): void;
  /** Tokens of an answered prompt that were believed to be cached, and that were. */
  observed(predicted: number, cached: number): void;
}

/** llm-d's metrics of the precise index and its events, and how true the index was. */
export function preciseMetrics(metrics: Metrics): PreciseMetrics {
  const counter = (name: string, help: string, labels: readonly string[] = []) =>
    metrics.counter({ name, help, labels });
  const admissions = counter("kv_cache_index_admissions_total", "Blocks that engines have stored.");
  const evictions = counter(
    "kv_cache_index_evictions_total",
    "Blocks that engines have removed, or that the index had no room for.",
  );
  const lookups = counter("kv_cache_index_lookup_requests_total", "Prompts that were looked up.");
  const hits = counter("kv_cache_index_lookup_hits_total", "Prompts of which some endpoint had a block.");
  const longestHits = counter(
    "kv_cache_index_max_pod_hit_count_total",
    "Leading blocks that the best endpoint of each look-up had.",
  );
  const latency = metrics.histogram({
    name: "kv_cache_index_lookup_latency_seconds",
    help: "How long a look-up takes.",
    buckets: [0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01],
  });
  const blocks = metrics.gauge({ name: "kv_cache_index_blocks", help: "Distinct blocks in the index." });
  const bytes = metrics.gauge({ name: "kv_cache_index_bytes", help: "Memory of the index." });
  const connections = metrics.gauge({
    name: "kv_cache_events_connections",
    help: "Engines whose events are received.",
  });
  const messages = counter("kv_cache_events_messages_total", "Batches of events that were received.");
  const dropped = counter("kv_cache_events_dropped_total", "Events or batches that were left out, by why.", ["reason"]);
  const gaps = counter("kv_cache_events_gaps_total", "Times that batches were missing.");
  const restarts = counter("kv_cache_events_restarts_total", "Times that an engine has started anew.");
  const replays = counter("kv_cache_events_replays_total", "Times that an engine was asked for missed batches.");
  const failedReplays = counter("kv_cache_events_failed_replays_total", "Those of them that came to nothing.");
  const resets = counter(
    "kv_cache_events_resets_total",
    "Times that an endpoint's blocks were forgotten as uncertain.",
  );
  const predictedTokens = counter(
    "kv_cache_predicted_cached_tokens_total",
    "Tokens of answered prompts that were believed to be cached.",
  );
  const observedTokens = counter(
    "kv_cache_observed_cached_tokens_total",
    "Tokens of the same prompts that the engines say were cached.",
  );
  const error = metrics.histogram({
    name: "kv_cache_prediction_error_tokens",
    help: "Cached tokens of a prompt that the engine tells of, minus those predicted.",
    buckets: [-65_536, -16_384, -4_096, -1_024, -256, -64, -16, 0, 16, 64, 256, 1_024, 4_096, 16_384, 65_536],
  });
  const before = new Map<string, number>();
  /** What a count has grown since the last time. */
  const grown = (name: string, count: number): number => {
    const by = count - (before.get(name) ?? 0);
    before.set(name, count);
    return Math.max(0, by);
  };
  return {
    lookedUp(longest, seconds) {
      lookups.inc();
      if (longest > 0) {
        hits.inc();
        longestHits.inc(undefined, longest);
      }
      latency.observe(seconds);
    },
    report(index, feed, events) {
      blocks.set(index.blocks);
      bytes.set(index.bytes);
      connections.set(feed.connections);
      admissions.inc(undefined, grown("admissions", events.storedBlocks));
      evictions.inc(undefined, grown("evictions", events.removedBlocks + index.evicted));
      messages.inc(undefined, grown("messages", feed.messages));
      gaps.inc(undefined, grown("gaps", feed.gaps));
      restarts.inc(undefined, grown("restarts", feed.restarts));
      replays.inc(undefined, grown("replays", feed.replays));
      failedReplays.inc(undefined, grown("failedReplays", feed.failedReplays));
      resets.inc(undefined, grown("resets", feed.resets));
      const reasons: Readonly<Record<string, number>> = {
        bad_message: feed.badMessages,
        bad_batch: feed.badBatches,
        malformed_event: feed.malformedEvents,
        unknown_topic: feed.unknownTopics,
        duplicate: feed.duplicates,
        unknown_parent: events.orphanedStores,
        unnamed_model: events.unnamedModel,
        other_block_size: events.otherBlockSize,
        inconsistent: events.inconsistentStores,
        not_indexed: events.skipped,
        unknown_event: events.unknownEvents,
        unknown_block: events.unknownRemovals,
        hash_conflict: index.conflicts,
      };
      for (const [reason, count] of Object.entries(reasons)) {
        const by = grown(reason, count);
        if (by > 0) dropped.inc({ reason }, by);
      }
    },
    observed(predicted, cached) {
      predictedTokens.inc(undefined, predicted);
      observedTokens.inc(undefined, cached);
      error.observe(cached - predicted);
    },
  };
}
