import type { Metrics } from "@pointsman/plugin-api";
import type { MissReason, TokenBackend } from "./token-backend.ts";

export interface TokenMetrics {
  /** A backend gave the tokens of a prompt. */
  tokenized(backend: TokenBackend["name"], durationMs: number): void;
  /** Segments of a prompt that were, and were not, in the cache. */
  segments(hits: number, misses: number): void;
  /** A backend had no tokens for a prompt. */
  missed(backend: TokenBackend["name"], reason: MissReason): void;
}

export function tokenMetrics(metrics: Metrics): TokenMetrics {
  const duration = metrics.histogram({
    name: "tokenization_duration_seconds",
    help: "Time from asking a tokenizer to its tokens, waiting included.",
    labels: ["backend"],
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
  });
  const segments = metrics.counter({
    name: "tokenization_cache_segments_total",
    help: "Segments of prompts by whether their tokens were in the cache.",
    labels: ["result"],
  });
  const fallbacks = metrics.counter({
    name: "tokenization_fallbacks_total",
    help: "Prompts that a tokenizer had no tokens for, by the reason.",
    labels: ["backend", "reason"],
  });
  return {
    tokenized: (backend, durationMs) => duration.observe(durationMs / 1_000, { backend }),
    segments(hits, misses) {
      if (hits > 0) segments.inc({ result: "hit" }, hits);
      if (misses > 0) segments.inc({ result: "miss" }, misses);
    },
    missed: (backend, reason) => fallbacks.inc({ backend, reason }),
  };
}
