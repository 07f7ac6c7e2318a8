/**
 * Standard attributes and request keys. A plugin depends on a key, not on whoever writes it.
 * This module has no side effects and no run-time dependency.
 */
import { defineAttribute, defineRequestKey } from "./attribute.ts";

/** Model-server metrics change with every batch; two seconds old they say nothing (llm-d uses the same limit). */
const METRICS_MAX_AGE_MS = 2_000;

export const WaitingRequests = defineAttribute({
  id: "pointsman/waiting-requests",
  major: 1,
  kind: "f64",
  unit: "requests",
  maxAgeMs: METRICS_MAX_AGE_MS,
  description: "Requests that wait in the model server's queue.",
});

export const RunningRequests = defineAttribute({
  id: "pointsman/running-requests",
  major: 1,
  kind: "f64",
  unit: "requests",
  maxAgeMs: METRICS_MAX_AGE_MS,
  description: "Requests in the model server's batch.",
});

export const KvCacheUsage = defineAttribute({
  id: "pointsman/kv-cache-usage",
  major: 1,
  kind: "f64",
  unit: "ratio",
  maxAgeMs: METRICS_MAX_AGE_MS,
  description: "Share of the KV cache in use, 0 to 1.",
});

export const KvBlockSize = defineAttribute({
  id: "pointsman/kv-block-size",
  major: 1,
  kind: "f64",
  unit: "tokens",
  maxAgeMs: 60_000,
  description: "Tokens in one KV block.",
});

export const KvBlockCount = defineAttribute({
  id: "pointsman/kv-block-count",
  major: 1,
  kind: "f64",
  unit: "blocks",
  maxAgeMs: 60_000,
  description: "KV blocks the model server has in all.",
});

export const ActiveAdapters = defineAttribute({
  id: "pointsman/active-adapters",
  major: 1,
  kind: "set",
  unit: "names",
  maxAgeMs: METRICS_MAX_AGE_MS,
  description: "LoRA adapters (and base models) loaded and in use.",
});

export const WaitingAdapters = defineAttribute({
  id: "pointsman/waiting-adapters",
  major: 1,
  kind: "set",
  unit: "names",
  maxAgeMs: METRICS_MAX_AGE_MS,
  description: "LoRA adapters that queued requests wait for.",
});

export const MaxAdapters = defineAttribute({
  id: "pointsman/max-adapters",
  major: 1,
  kind: "f64",
  unit: "adapters",
  maxAgeMs: METRICS_MAX_AGE_MS,
  description: "LoRA adapters the server can hold at a time.",
});

export const ServedModels = defineAttribute({
  id: "pointsman/served-models",
  major: 1,
  kind: "set",
  unit: "names",
  maxAgeMs: 60_000,
  description: "Models and adapters that the endpoint says it serves.",
});

export const InFlightRequests = defineAttribute({
  id: "pointsman/in-flight-requests",
  major: 1,
  kind: "f64",
  unit: "requests",
  maxAgeMs: Number.POSITIVE_INFINITY,
  defaultProducer: "inflight-load-producer",
  description: "Requests that this picker sent to the endpoint and that have not ended.",
});

export const InFlightTokens = defineAttribute({
  id: "pointsman/in-flight-tokens",
  major: 1,
  kind: "f64",
  unit: "tokens",
  maxAgeMs: Number.POSITIVE_INFINITY,
  defaultProducer: "inflight-load-producer",
  description: "Prompt tokens (estimated, not cached) of the requests in flight.",
});

export const PrefixMatchBlocks = defineAttribute({
  id: "pointsman/prefix-match-blocks",
  major: 1,
  kind: "f64",
  unit: "blocks",
  scope: "request",
  maxAgeMs: Number.POSITIVE_INFINITY,
  defaultProducer: "approx-prefix-cache-producer",
  description: "Leading blocks of this request's prompt that the endpoint has cached.",
});

export const PrefixTotalBlocks = defineAttribute({
  id: "pointsman/prefix-total-blocks",
  major: 1,
  kind: "f64",
  unit: "blocks",
  scope: "request",
  maxAgeMs: Number.POSITIVE_INFINITY,
  defaultProducer: "approx-prefix-cache-producer",
  description: "Blocks of this request's prompt, in the block size used for matching on the endpoint.",
});

export const PrefixBlockSize = defineAttribute({
  id: "pointsman/prefix-block-size",
  major: 1,
  kind: "f64",
  unit: "tokens",
  scope: "request",
  maxAgeMs: Number.POSITIVE_INFINITY,
  defaultProducer: "approx-prefix-cache-producer",
  description: "Tokens in one block of the prefix match.",
});

/** Token ids of the prompt. */
export const TokenizedPrompt = defineRequestKey<Uint32Array>({
  id: "pointsman/tokenized-prompt",
  major: 1,
  defaultProducer: "token-producer",
});

/** Identifies a conversation whose requests should meet the same endpoint. */
export const SessionId = defineRequestKey<string>({ id: "pointsman/session-id", major: 1 });

/**
 * `id` of the endpoint that another stage of this request was given: the decode endpoint while prefill is scheduled, the
 * prefill endpoint while decode is (prefill first). For placing the two near each other; absent in other stages.
 */
export const PeerEndpoint = defineRequestKey<string>({ id: "pointsman/peer-endpoint", major: 1 });

/**
 * Name of the profile that schedules the prefill stage of this request, for plugins that follow the endpoint that computes
 * the prompt. Set by profile handlers that have such a stage; absent = `prefill`, the name that configs use by default.
 */
export const PrefillProfile = defineRequestKey<string>({ id: "pointsman/prefill-profile", major: 1 });
