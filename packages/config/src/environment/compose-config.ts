import type { JsonValue } from "../model.ts";
import type { EnabledPlugin, EnvironmentSettings } from "./read-settings.ts";
import type { Traced } from "./variable-reader.ts";

/** Where a part of the configuration comes from; undefined for what is there whatever the variables say. */
export type Origin = Pick<Traced<unknown>, "variable" | "isDefault"> | undefined;

export interface TracedParameter {
  readonly value: JsonValue;
  readonly origin: Origin;
  /** The value without its secrets; absent when it has none. */
  readonly shown?: string;
  readonly note?: string;
}

export interface TracedPlugin {
  readonly name: string;
  readonly type: string;
  readonly origin: Origin;
  readonly parameters: readonly (readonly [path: readonly string[], TracedParameter])[];
}

export interface TracedEntry {
  readonly pluginRef: string;
  readonly origin: Origin;
  readonly weight?: Traced<number>;
}

/** The configuration that variables amount to; each part knows its variable. */
export interface TracedConfig {
  readonly plugins: readonly TracedPlugin[];
  readonly profiles: readonly {
    readonly name: string;
    readonly origin: Origin;
    readonly entries: readonly TracedEntry[];
  }[];
  readonly saturationDetector?: { readonly pluginRef: string; readonly origin: Origin };
}

type Parameters = TracedPlugin["parameters"];

const picker = "max-score-picker";
const prefixScorer = "prefix-aware-scorer";
const prefixProducer = "approx-prefix-cache-producer";
/** Learns for the decision to split what is cached where. */
const pdPrefixProducer = "pd-prefix-producer";
const decider = "prompt-bytes-pd-decider";
/** llm-d counts 4 bytes for a token where it estimates. */
const bytesPerToken = 4;

/** Builds the configuration that does what the first llm-d did with these settings. */
export function composeConfig(settings: EnvironmentSettings): TracedConfig {
  const { pd, decode, prefill } = settings;
  const plugins = new Map<string, TracedPlugin>();
  const add = (name: string, type: string, origin: Origin, parameters: Parameters = []): string => {
    if (!plugins.has(name)) plugins.set(name, { name, type, origin, parameters });
    return name;
  };
  const detector = [...decode, ...prefill].find(({ plugin }) => plugin.type === "utilization-detector");
  const entriesOf = (side: readonly EnabledPlugin[], filter: string): TracedEntry[] => {
    const entries: TracedEntry[] = [{ pluginRef: filter, origin: pd.value ? pd : undefined }];
    for (const enabled of side) {
      const { plugin, weight } = enabled;
      if (enabled.plugin.type === "utilization-detector") continue;
      const name = add(instanceName(enabled, decode), plugin.type, enabled.switch, parametersOf(enabled, settings));
      entries.push({ pluginRef: name, origin: enabled.switch, ...(plugin.kind === "scorer" ? { weight } : {}) });
      if (plugin.type === "prefix-cache-scorer") addPrefixProducer(enabled);
      if (plugin.type === "kvcache-aware-scorer" && settings.tokenizer !== undefined) {
        add("token-producer", "token-producer", settings.tokenizer, tokenizerParameters(settings.tokenizer));
      }
    }
    entries.push({ pluginRef: picker, origin: undefined });
    return entries;
  };
  const addPrefixProducer = ({ switch: origin }: EnabledPlugin): void => {
    const { hashBlockSize, maxPrefixBlocks, lruCapacityPerServer: perServer, lruCapacity } = settings.numbers;
    const capacity = perServer.isDefault && !lruCapacity.isDefault ? lruCapacity : perServer;
    add(prefixProducer, prefixProducer, origin, [
      ...blockSizeOf(hashBlockSize, origin),
      [["maxPrefixTokensToMatch"], { value: 0, origin: maxPrefixBlocks, note: "blocks count" }],
      parameter(["maxPrefixBlocksToMatch"], maxPrefixBlocks),
      parameter(["lruCapacityPerServer"], capacity),
    ]);
  };

  if (pd.value) {
    add("disagg-profile-handler", "disagg-profile-handler", pd, [
      [["deciders", "prefill"], { value: decider, origin: pd }],
      [["legacyPrefillerUrlHeader"], { value: true, origin: pd }],
    ]);
    add(decider, decider, pd, [
      parameter(["threshold"], settings.numbers.promptLength),
      [["prefixMatchInfoProducerName"], { value: pdPrefixProducer, origin: pd }],
    ]);
    add(pdPrefixProducer, prefixProducer, pd, blockSizeOf(settings.numbers.prefixBlockSize, pd));
  } else add("single-profile-handler", "single-profile-handler", undefined);
  add("decode-filter", "decode-filter", pd.value ? pd : undefined);
  if (pd.value) add("prefill-filter", "prefill-filter", pd);
  const profiles = [
    { name: "decode", origin: pd.value ? pd : undefined, entries: entriesOf(decode, "decode-filter") },
    ...(pd.value ? [{ name: "prefill", origin: pd, entries: entriesOf(prefill, "prefill-filter") }] : []),
  ];
  add(picker, picker, undefined);
  if (detector === undefined) return { plugins: [...plugins.values()], profiles };
  const { queueThresholdCritical, kvCacheThreshold } = settings.numbers;
  const origin = detector.switch;
  const pluginRef = add("utilization-detector", "utilization-detector", origin, [
    parameter(["queueDepthThreshold"], queueThresholdCritical),
    parameter(["kvCacheUtilThreshold"], kvCacheThreshold),
  ]);
  return { plugins: [...plugins.values()], profiles, saturationDetector: { pluginRef, origin } };
}

/** Both sides share an instance, unless they ask different Redis servers. */
function instanceName({ plugin, redis }: EnabledPlugin, decode: readonly EnabledPlugin[]): string {
  const other = decode.find((enabled) => enabled.plugin === plugin)?.redis;
  const isOther = redis !== undefined && other !== undefined && redis.value !== other.value;
  return isOther ? `${plugin.type}-prefill` : plugin.type;
}

function parametersOf({ plugin, redis, switch: on }: EnabledPlugin, { numbers }: EnvironmentSettings): Parameters {
  switch (plugin.type) {
    case prefixScorer:
      return [parameter(["blockSize"], numbers.prefixBlockSize)];
    case "prefix-cache-scorer":
      return [[["prefixMatchInfoProducerName"], { value: prefixProducer, origin: on }]];
    case "load-aware-scorer":
      return [parameter(["threshold"], numbers.queueThreshold)];
    case "low-queue-filter":
      return [parameter(["threshold"], numbers.queueingThreshold)];
    case "lora-affinity-filter":
      return [parameter(["threshold"], numbers.loraAffinity)];
    case "kvcache-aware-scorer":
      return redis === undefined ? [] : [[["redisConfig", "address"], redisParameter(redis)]];
    default:
      return [];
  }
}

/** A path begins with `/` or `.`, everything else is a model's name. */
function tokenizerParameters(tokenizer: Traced<string>): Parameters {
  const named: TracedParameter = { value: tokenizer.value, origin: tokenizer };
  if (/^[/.]/.test(tokenizer.value)) return [[["tokenizer", "path"], named]];
  return [
    [["modelName"], named],
    [["tokenizer", "download"], { value: true, origin: tokenizer, note: "with HF_TOKEN" }],
  ];
}

/** A block of bytes, as tokens of an approximate prefix producer, whatever size the engines report. */
function blockSizeOf(bytes: Traced<number>, origin: Origin): Parameters {
  const tokens = Math.max(1, Math.round(bytes.value / bytesPerToken));
  return [
    [["autoTune"], { value: false, origin }],
    [["blockSizeTokens"], { value: tokens, origin: bytes, note: `${bytes.value} bytes, 4 a token` }],
  ];
}

function parameter(path: readonly string[], traced: Traced<number>): Parameters[number] {
  return [path, { value: traced.value, origin: traced }];
}

function redisParameter(redis: NonNullable<EnabledPlugin["redis"]>): TracedParameter {
  const isSecret = redis.shown !== redis.value;
  return {
    value: redis.value,
    origin: redis,
    ...(isSecret ? { shown: redis.shown, note: "its password is not shown" } : {}),
  };
}
