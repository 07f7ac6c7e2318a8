import type { CapabilitiesOf, ConfigCapability } from "../src/index.ts";

const types: Readonly<Record<string, readonly ConfigCapability[]>> = {
  "queue-scorer": ["scorer"],
  "kv-cache-utilization-scorer": ["scorer"],
  "active-request-scorer": ["scorer"],
  "label-selector-filter": ["filter"],
  "decode-filter": ["filter"],
  "max-score-picker": ["picker"],
  "random-picker": ["picker"],
  "single-profile-handler": ["profileHandler"],
  "two-profiles-handler": ["profileHandler"],
  "inflight-load-producer": ["producer", "postChoice", "afterResponse"],
  "file-discovery": ["discovery"],
  "metrics-data-source": ["scraper"],
  "core-metrics-extractor": ["extractor"],
  "utilization-detector": ["admitter", "filter"],
  "concurrency-detector": ["admitter", "filter"],
  "openai-parser": ["parser"],
  "anthropic-parser": ["parser"],
  "vllmhttp-parser": ["parser"],
  "passthrough-parser": ["parser"],
};

/** What a host with a few plugins installed would answer; the prefix plugins are not among them. */
export const installed: CapabilitiesOf = (type) =>
  Object.hasOwn(types, type) ? new Set<ConfigCapability>(types[type]) : undefined;

/** The same host with the prefix scorer. */
export const withPrefix: CapabilitiesOf = (type) =>
  type === "prefix-cache-scorer" ? new Set<ConfigCapability>(["scorer"]) : installed(type);
