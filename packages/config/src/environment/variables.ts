/** A switch of the first llm-d: `ENABLE_<STEM>`, `<STEM>_WEIGHT`, and both with `PREFILL_` in front. */
export interface SwitchedPlugin {
  readonly stem: string;
  readonly kind: "scorer" | "filter";
  /** The plugin type that does the same here. */
  readonly type: string;
}

/** In the order in which they are listed in profiles: filters first, as they ran. */
export const switchedPlugins: readonly SwitchedPlugin[] = [
  { stem: "GIE_SHEDDABLE_CAPACITY_FILTER", kind: "filter", type: "utilization-detector" },
  { stem: "GIE_LOW_QUEUE_FILTER", kind: "filter", type: "low-queue-filter" },
  { stem: "GIE_LORA_AFFINITY_FILTER", kind: "filter", type: "lora-affinity-filter" },
  { stem: "GIE_LEAST_QUEUE_FILTER", kind: "filter", type: "least-queue-filter" },
  { stem: "GIE_LEAST_KVCACHE_FILTER", kind: "filter", type: "least-kv-cache-filter" },
  { stem: "SESSION_AWARE_SCORER", kind: "scorer", type: "session-affinity-scorer" },
  { stem: "PREFIX_AWARE_SCORER", kind: "scorer", type: "prefix-aware-scorer" },
  { stem: "KVCACHE_AWARE_SCORER", kind: "scorer", type: "kvcache-aware-scorer" },
  { stem: "LOAD_AWARE_SCORER", kind: "scorer", type: "load-aware-scorer" },
  { stem: "GIE_KVCACHE_UTILIZATION_SCORER", kind: "scorer", type: "kv-cache-utilization-scorer" },
  { stem: "GIE_QUEUE_SCORER", kind: "scorer", type: "queue-scorer" },
  { stem: "GIE_PREFIX_SCORER", kind: "scorer", type: "prefix-cache-scorer" },
];

/** A variable that holds a number. */
export interface NumberVariable {
  readonly name: string;
  readonly form: "integer" | "decimal";
  readonly default: number;
  readonly min: number;
  readonly max?: number;
  /** Stems of the switches without which it has no effect. */
  readonly usedBy: readonly string[];
  /** `PD_ENABLED` gives it an effect too. */
  readonly usedByPd?: boolean;
}

export const numberVariables = {
  promptLength: { name: "PD_PROMPT_LEN_THRESHOLD", form: "integer", default: 100, min: 0, usedBy: [], usedByPd: true },
  prefixBlockSize: {
    name: "PREFIX_SCORER_BLOCK_SIZE",
    form: "integer",
    default: 256,
    min: 1,
    usedBy: ["PREFIX_AWARE_SCORER"],
    usedByPd: true,
  },
  queueThreshold: {
    name: "LOAD_AWARE_SCORER_QUEUE_THRESHOLD",
    form: "integer",
    default: 128,
    min: 1,
    usedBy: ["LOAD_AWARE_SCORER"],
  },
  hashBlockSize: {
    name: "PREFIX_CACHE_HASH_BLOCK_SIZE",
    form: "integer",
    default: 64,
    min: 1,
    usedBy: ["GIE_PREFIX_SCORER"],
  },
  maxPrefixBlocks: {
    name: "PREFIX_CACHE_MAX_PREFIX_BLOCKS",
    form: "integer",
    default: 128,
    min: 1,
    usedBy: ["GIE_PREFIX_SCORER"],
  },
  lruCapacity: {
    name: "PREFIX_CACHE_LRU_CAPACITY",
    form: "integer",
    default: 50_000,
    min: 1,
    usedBy: ["GIE_PREFIX_SCORER"],
  },
  lruCapacityPerServer: {
    name: "PREFIX_CACHE_LRU_CAPACITY_PER_SERVER",
    form: "integer",
    default: 31_250,
    min: 1,
    usedBy: ["GIE_PREFIX_SCORER"],
  },
  kvCacheThreshold: {
    name: "KV_CACHE_THRESHOLD",
    form: "decimal",
    default: 0.8,
    min: Number.MIN_VALUE,
    max: 1,
    usedBy: ["GIE_SHEDDABLE_CAPACITY_FILTER"],
  },
  queueThresholdCritical: {
    name: "QUEUE_THRESHOLD_CRITICAL",
    form: "integer",
    default: 5,
    min: 1,
    usedBy: ["GIE_SHEDDABLE_CAPACITY_FILTER"],
  },
  queueingThreshold: {
    name: "QUEUING_THRESHOLD_LORA",
    form: "integer",
    default: 128,
    min: 0,
    usedBy: ["GIE_LOW_QUEUE_FILTER"],
  },
  loraAffinity: {
    name: "LORA_AFFINITY_THRESHOLD",
    form: "decimal",
    default: 0.999,
    min: 0,
    max: 1,
    usedBy: ["GIE_LORA_AFFINITY_FILTER"],
  },
} as const satisfies Record<string, NumberVariable>;

export const pdSwitch = "PD_ENABLED";
export const redisAddress = "KVCACHE_INDEXER_REDIS_ADDR";
/** Documented from the beginning, read by no version of llm-d; here it works. */
export const prefillRedisAddress = "PREFILL_KVCACHE_INDEXER_REDIS_ADDR";
/** Ours, not llm-d's, which took the tokenizer of whatever model a request named. */
export const indexTokenizer = "KVCACHE_INDEXER_TOKENIZER";
/** Also used by other programs: never taken for a sign that the picker is configured by variables. */
export const hubToken = "HF_TOKEN";

/** What stands in front of the names of a side; the decode side's have nothing. */
export const sides = ["", "PREFILL_"] as const;

export function enableName(side: string, stem: string): string {
  return `${side}ENABLE_${stem}`;
}

export function weightName(side: string, stem: string): string {
  return `${side}${stem}_WEIGHT`;
}

/** Variables that switch something on or off: with one of them set, variables configure the picker. */
export const switchNames: ReadonlySet<string> = new Set([
  pdSwitch,
  ...sides.flatMap((side) => switchedPlugins.map(({ stem }) => enableName(side, stem))),
]);

/** Every variable of the first llm-d. */
export const variableNames: ReadonlySet<string> = new Set([
  ...switchNames,
  ...sides.flatMap((side) => switchedPlugins.map(({ stem }) => weightName(side, stem))),
  ...Object.values(numberVariables).map(({ name }) => name),
  redisAddress,
  prefillRedisAddress,
  indexTokenizer,
  hubToken,
]);
