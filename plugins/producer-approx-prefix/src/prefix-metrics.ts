import type { Metrics } from "@pointsman/plugin-api";

/** llm-d counts 4 bytes for a token. */
const BYTES_PER_TOKEN = 4;

export interface PrefixMetrics {
  /** Pairs of a block and an endpoint in the index. */
  size(entries: number): void;
  /** A request was routed to an endpoint that is believed to hold `known` of its blocks. */
  routed(known: number, blocks: number, blockTokens: number): void;
}

/** The metrics of llm-d's approximate producer, under its names. */
export function prefixMetrics(metrics: Metrics): PrefixMetrics {
  const size = metrics.gauge({
    name: "prefix_indexer_size",
    help: "Blocks recorded in the prefix index, counted once for each endpoint that holds them.",
  });
  const ratio = metrics.histogram({
    name: "prefix_indexer_hit_ratio",
    help: "Share of a prompt's blocks that the picked endpoint is believed to have cached.",
    buckets: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
  });
  const bytes = metrics.histogram({
    name: "prefix_indexer_hit_bytes",
    help: "Length of the prefix that the picked endpoint is believed to have cached, 4 bytes for a token.",
    buckets: [0, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576],
  });
  return {
    size: (entries) => size.set(entries),
    routed(known, blocks, blockTokens) {
      ratio.observe(known / blocks);
      bytes.observe(known * blockTokens * BYTES_PER_TOKEN);
    },
  };
}
