import type { ConfigCapability } from "./capabilities.ts";

/** What a type of llm-d-router is. */
export type LlmdKind =
  | "filter"
  | "scorer"
  | "picker"
  | "profile handler"
  | "decider"
  | "header setter"
  | "data producer"
  | "admitter"
  | "screener"
  | "request-header plugin"
  | "response plugin"
  | "parser"
  | "discovery"
  | "data source"
  | "extractor"
  | "fairness policy"
  | "ordering policy"
  | "saturation detector"
  | "usage limit policy"
  | "eviction policy";

const namesByKind: Readonly<Record<LlmdKind, string>> = {
  filter: `label-selector-filter by-label-selector by-label decode-filter prefill-filter encode-filter
    session-affinity-filter multicluster-session-affinity-filter endpoint-attribute-filter topology-affinity-filter
    utilization-filter prefix-cache-affinity-filter slo-headroom-tier-filter header-based-testing-filter`,
  scorer: `queue-scorer running-requests-size-scorer kv-cache-utilization-scorer load-aware-scorer
    active-request-scorer token-load-scorer prefix-cache-scorer precise-prefix-cache-scorer no-hit-lru-scorer
    lora-affinity-scorer session-affinity-scorer header-label-affinity-scorer endpoint-attribute-scorer
    topology-affinity-scorer context-length-aware mm-embeddings-cache-scorer latency-scorer
    multicluster-kv-cache-utilization-scorer multicluster-queue-scorer multicluster-prefix-cache-scorer`,
  picker: "max-score-picker random-picker weighted-random-picker",
  "profile handler": `single-profile-handler data-parallel-profile-handler header-profile-handler
    disagg-profile-handler pd-profile-handler`,
  decider: "prefix-based-pd-decider always-disagg-pd-decider always-disagg-multimodal-decider",
  "header setter": "disagg-headers-handler prefill-header-handler",
  "data producer": `token-producer tokenizer approx-prefix-cache-producer inflight-load-producer
    precise-prefix-cache-producer burst-prefix-cache-producer mm-embeddings-cache-producer session-id-producer
    predicted-latency-producer p2p-source-producer multicluster-approx-prefix-cache-producer`,
  admitter: "latency-slo-admitter probabilistic-admitter",
  screener: "disaggregatedset-rollout-screener",
  "request-header plugin": "agent-identity",
  "response plugin": "request-attribute-reporter destination-endpoint-served-verifier",
  parser: `openai-parser anthropic-parser vllmhttp-parser sglanghttp-parser vllmgrpc-parser vertexai-parser
    passthrough-parser`,
  discovery: "file-discovery multicluster-file-discovery",
  "data source": `metrics-data-source models-data-source dcgm-data-source multicluster-metrics-data-source
    k8s-notification-source endpoint-notification-source`,
  extractor: `core-metrics-extractor models-data-extractor topology-extractor dcgm-extractor
    multicluster-metrics-extractor`,
  "fairness policy": "global-strict-fairness-policy round-robin-fairness-policy program-aware-fairness",
  "ordering policy": "fcfs-ordering-policy edf-ordering-policy slo-deadline-ordering-policy",
  "saturation detector": "utilization-detector concurrency-detector",
  "usage limit policy": "static-usage-limit-policy priority-holdback-policy soft-reflective-ceiling-policy",
  "eviction policy": "sheddable-eviction-filter priority-then-time-eviction-order-policy",
};

/** Every type name that llm-d-router registers (August 2026), and what it is: known there, whether or not here. */
export const llmdTypes: ReadonlyMap<string, LlmdKind> = new Map(
  (Object.entries(namesByKind) as [LlmdKind, string][]).flatMap(([kind, names]) =>
    names.split(/\s+/).map((name): [string, LlmdKind] => [name, kind]),
  ),
);

const capabilitiesByKind: Partial<Record<LlmdKind, readonly ConfigCapability[]>> = {
  filter: ["filter"],
  scorer: ["scorer"],
  picker: ["picker"],
  "profile handler": ["profileHandler"],
  decider: ["decider"],
  "header setter": ["postChoice"],
  "data producer": ["producer"],
  admitter: ["admitter"],
  screener: ["preCall"],
  "request-header plugin": ["preCall"],
  "response plugin": ["responseHeaders", "responseChunk"],
  parser: ["parser"],
  discovery: ["discovery"],
  "data source": ["scraper"],
  extractor: ["extractor"],
  "saturation detector": ["admitter", "filter"],
};

/**
 * What a type of llm-d would provide here, so that a file that names one which is not available yet is told just
 * that, and not also that its profile has no picker. Nothing for flow-control policies, undefined for unknown types.
 */
export function llmdCapabilities(type: string): ReadonlySet<ConfigCapability> | undefined {
  const kind = llmdTypes.get(type);
  if (kind === undefined) return undefined;
  const capabilities = capabilitiesByKind[kind] ?? [];
  // One type is both.
  return new Set(type === "context-length-aware" ? [...capabilities, "filter" as const] : capabilities);
}
