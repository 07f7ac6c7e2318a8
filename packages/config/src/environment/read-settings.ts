import { type RedisAddress, readRedisAddresses } from "./read-redis-addresses.ts";
import type { Traced, VariableReader } from "./variable-reader.ts";
import {
  enableName,
  hubToken,
  indexTokenizer,
  type NumberVariable,
  numberVariables,
  pdSwitch,
  type SwitchedPlugin,
  switchedPlugins,
  weightName,
} from "./variables.ts";

/** A plugin that a side has switched on. */
export interface EnabledPlugin {
  readonly plugin: SwitchedPlugin;
  readonly switch: Traced<boolean>;
  /** Not used for filters. */
  readonly weight: Traced<number>;
  /** Of the Redis that the scorer asks; only for `KVCACHE_AWARE_SCORER`, which is left out without one. */
  readonly redis?: RedisAddress;
}

/** What the variables say, each value with the variable that it is from. */
export interface EnvironmentSettings {
  /** In the order of the profile. Without P/D the decode side is the only one. */
  readonly decode: readonly EnabledPlugin[];
  /** Empty unless P/D is on. */
  readonly prefill: readonly EnabledPlugin[];
  readonly pd: Traced<boolean>;
  readonly numbers: Readonly<Record<keyof typeof numberVariables, Traced<number>>>;
  /** Model, or folder, whose tokenizer the KV cache scorer's prompts need; undefined = they are estimated. */
  readonly tokenizer: Traced<string> | undefined;
  /** `HF_TOKEN`; secret. */
  readonly hubToken: Traced<string> | undefined;
}

/** Reads and checks all variables of the first llm-d; `reader` gets what is wrong with them. */
export function readSettings(reader: VariableReader): EnvironmentSettings {
  const pd = reader.flag(pdSwitch);
  const addresses = readRedisAddresses(reader);
  const token = reader.text(hubToken);
  let asksRedis = false;
  const side = (prefix: string): EnabledPlugin[] =>
    switchedPlugins.flatMap((plugin) => {
      const enable = reader.flag(enableName(prefix, plugin.stem));
      const weightVariable = weightName(prefix, plugin.stem);
      if (!enable.value) {
        if (reader.isSet(weightVariable)) ignored(reader, weightVariable, `${enable.variable} is not true`);
        return [];
      }
      if (plugin.kind === "filter" && reader.isSet(weightVariable))
        ignored(reader, weightVariable, "a filter has no weight");
      const weight: Traced<number> =
        plugin.kind === "filter"
          ? { value: 1, variable: weightVariable, isDefault: true }
          : reader.weight(weightVariable);
      const enabled: EnabledPlugin = { plugin, switch: enable, weight };
      if (plugin.stem !== "KVCACHE_AWARE_SCORER") return [enabled];
      asksRedis = true;
      const redis = prefix === "" ? addresses.decode : addresses.prefill;
      if (redis !== undefined && token !== undefined) return [{ ...enabled, redis }];
      reportMissing(reader, enable.variable, redis === undefined ? addresses.missing : hubToken);
      return [];
    });
  const decode = side("");
  // Read even where it has no effect, so that what is wrong with it is told.
  const prefillSide = side("PREFILL_");
  if (!pd.value) for (const entry of prefillSide) ignored(reader, entry.switch.variable, `${pdSwitch} is not true`);
  const prefill = pd.value ? prefillSide : [];
  const stems = new Set([...decode, ...prefill].map(({ plugin }) => plugin.stem));
  addresses.reportUnused(asksRedis, pd.value);
  const tokenizer = reader.text(indexTokenizer);
  if (stems.has("KVCACHE_AWARE_SCORER") && tokenizer === undefined) reportEstimate(reader);
  else if (!asksRedis && tokenizer !== undefined) ignored(reader, indexTokenizer, "no KVCACHE_AWARE_SCORER is on");
  return { decode, prefill, pd, numbers: readNumbers(reader, stems, pd.value), tokenizer, hubToken: token };
}

function readNumbers(reader: VariableReader, stems: ReadonlySet<string>, pd: boolean): EnvironmentSettings["numbers"] {
  const specs: [string, NumberVariable][] = Object.entries(numberVariables);
  const entries = specs.map(([key, spec]) => {
    const isUsed = (spec.usedByPd === true && pd) || spec.usedBy.some((stem) => stems.has(stem));
    if (isUsed || !reader.isSet(spec.name)) return [key, reader.number(spec)];
    const wanted = [...spec.usedBy.map((stem) => enableName("", stem)), ...(spec.usedByPd === true ? [pdSwitch] : [])];
    ignored(reader, spec.name, `${wanted.join(" or ")} is not true`);
    return [key, { value: spec.default, variable: spec.name, isDefault: true }];
  });
  return Object.fromEntries(entries);
}

function reportMissing(reader: VariableReader, enable: string, missing: string): void {
  const message = `${enable} is true, but ${missing} is missing or cannot be used: the scorer is left out.`;
  reader.report("POINTSMAN_ENV_MISSING", missing, message);
}

function reportEstimate(reader: VariableReader): void {
  const message = `${indexTokenizer} is not set: the tokens of prompts are estimated, and an index that was filled from the model's own tokens has none of them.`;
  const hint = `Set ${indexTokenizer} to the model's name on Hugging Face, or to the folder of its tokenizer.json.`;
  reader.report("POINTSMAN_ENV_MISSING", indexTokenizer, message, { hint });
}

function ignored(reader: VariableReader, variable: string, why: string): void {
  reader.report("POINTSMAN_ENV_IGNORED", variable, `${variable} has no effect: ${why}.`);
}
