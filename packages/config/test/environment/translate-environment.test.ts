import { hasErrors } from "@pointsman/diagnostics";
import { describe, expect, it } from "vitest";
import { isConfiguredBy, translateEnvironment, unusedVariables } from "../../src/environment/translate-environment.ts";
import { variableNames } from "../../src/environment/variables.ts";
import { withVariables } from "../../src/environment/with-variables.ts";
import { parseConfig } from "../../src/parse-config.ts";
import { defaultSource } from "../../src/source.ts";

const translate = (variables: Record<string, string>) => {
  const translated = translateEnvironment(variables, "/tmp");
  const parsed = parseConfig(translated.source);
  expect(parsed.diagnostics).toEqual([]);
  return { ...translated, config: parsed.config, document: parsed.document };
};
const codes = ({ diagnostics }: { diagnostics: readonly { code: string; message: string }[] }) =>
  diagnostics.map(({ code, message }) => `${code.slice("POINTSMAN_ENV_".length)} ${message}`);
const entriesOf = ({ config }: ReturnType<typeof translate>, profile: string) =>
  config.schedulingProfiles.find(({ name }) => name === profile)?.plugins;

describe("one side", () => {
  it("becomes the profile decode: role filter, scorers with weights, the highest total", () => {
    const translated = translate({
      ENABLE_SESSION_AWARE_SCORER: "true",
      ENABLE_LOAD_AWARE_SCORER: "True",
      LOAD_AWARE_SCORER_WEIGHT: "+2",
      LOAD_AWARE_SCORER_QUEUE_THRESHOLD: "64",
    });
    expect(codes(translated)).toEqual([]);
    expect(entriesOf(translated, "decode")).toEqual([
      { pluginRef: "decode-filter" },
      { pluginRef: "session-affinity-scorer", weight: 1 },
      { pluginRef: "load-aware-scorer", weight: 2 },
      { pluginRef: "max-score-picker" },
    ]);
    expect(translated.config.schedulingProfiles).toHaveLength(1);
    expect(translated.config.plugins).toContainEqual({
      name: "load-aware-scorer",
      type: "load-aware-scorer",
      parameters: { threshold: 64 },
    });
  });

  it("takes the plugins of GIE by the types that do the same", () => {
    const translated = translate({
      ENABLE_GIE_LOW_QUEUE_FILTER: "t",
      QUEUING_THRESHOLD_LORA: "10",
      ENABLE_GIE_LORA_AFFINITY_FILTER: "1",
      LORA_AFFINITY_THRESHOLD: "0.5",
      ENABLE_GIE_LEAST_QUEUE_FILTER: "TRUE",
      ENABLE_GIE_LEAST_KVCACHE_FILTER: "T",
      ENABLE_GIE_KVCACHE_UTILIZATION_SCORER: "true",
      ENABLE_GIE_QUEUE_SCORER: "true",
      GIE_QUEUE_SCORER_WEIGHT: "3",
      ENABLE_GIE_PREFIX_SCORER: "true",
      PREFIX_CACHE_HASH_BLOCK_SIZE: "512",
      PREFIX_CACHE_MAX_PREFIX_BLOCKS: "9",
      PREFIX_CACHE_LRU_CAPACITY: "77",
      ENABLE_GIE_SHEDDABLE_CAPACITY_FILTER: "true",
      QUEUE_THRESHOLD_CRITICAL: "6",
      KV_CACHE_THRESHOLD: ".75",
    });
    expect(codes(translated)).toEqual([]);
    expect(entriesOf(translated, "decode")).toEqual([
      { pluginRef: "decode-filter" },
      { pluginRef: "low-queue-filter" },
      { pluginRef: "lora-affinity-filter" },
      { pluginRef: "least-queue-filter" },
      { pluginRef: "least-kv-cache-filter" },
      { pluginRef: "kv-cache-utilization-scorer", weight: 1 },
      { pluginRef: "queue-scorer", weight: 3 },
      { pluginRef: "prefix-cache-scorer", weight: 1 },
      { pluginRef: "max-score-picker" },
    ]);
    expect(translated.config.saturationDetector).toEqual({ pluginRef: "utilization-detector" });
    const parameters = new Map(translated.config.plugins.map((plugin) => [plugin.type, plugin.parameters]));
    expect(parameters.get("utilization-detector")).toEqual({ queueDepthThreshold: 6, kvCacheUtilThreshold: 0.75 });
    expect(parameters.get("lora-affinity-filter")).toEqual({ threshold: 0.5 });
    expect(parameters.get("approx-prefix-cache-producer")).toEqual({
      autoTune: false,
      blockSizeTokens: 128,
      maxPrefixTokensToMatch: 0,
      maxPrefixBlocksToMatch: 9,
      lruCapacityPerServer: 77,
    });
  });
});

describe("two sides", () => {
  const both = {
    PD_ENABLED: "true",
    PD_PROMPT_LEN_THRESHOLD: "10",
    ENABLE_PREFIX_AWARE_SCORER: "true",
    PREFIX_SCORER_BLOCK_SIZE: "128",
    PREFILL_ENABLE_PREFIX_AWARE_SCORER: "true",
    PREFILL_PREFIX_AWARE_SCORER_WEIGHT: "3",
  };

  it("become decode and prefill, with a threshold in bytes and the old header", () => {
    const translated = translate(both);
    expect(codes(translated)).toEqual([]);
    expect(translated.config.plugins.slice(0, 4)).toEqual([
      {
        name: "disagg-profile-handler",
        type: "disagg-profile-handler",
        parameters: { deciders: { prefill: "prompt-bytes-pd-decider" }, legacyPrefillerUrlHeader: true },
      },
      {
        name: "prompt-bytes-pd-decider",
        type: "prompt-bytes-pd-decider",
        parameters: { threshold: 10, prefixMatchInfoProducerName: "pd-prefix-producer" },
      },
      {
        name: "pd-prefix-producer",
        type: "approx-prefix-cache-producer",
        parameters: { autoTune: false, blockSizeTokens: 32 },
      },
      { name: "decode-filter", type: "decode-filter" },
    ]);
    expect(entriesOf(translated, "prefill")).toEqual([
      { pluginRef: "prefill-filter" },
      { pluginRef: "prefix-aware-scorer", weight: 3 },
      { pluginRef: "max-score-picker" },
    ]);
    // One store serves both sides.
    expect(translated.config.plugins.filter(({ type }) => type === "prefix-aware-scorer")).toHaveLength(1);
  });

  it("learn for the decision what is cached, in blocks of PREFIX_SCORER_BLOCK_SIZE", () => {
    const { config } = translate({ PD_ENABLED: "true", PREFIX_SCORER_BLOCK_SIZE: "1024" });
    const parameters = new Map(config.plugins.map((plugin) => [plugin.name, plugin.parameters]));
    expect(parameters.get("pd-prefix-producer")).toEqual({ autoTune: false, blockSizeTokens: 256 });
    expect(parameters.get("prompt-bytes-pd-decider")).toMatchObject({
      prefixMatchInfoProducerName: "pd-prefix-producer",
    });
  });

  it("are one as long as PD_ENABLED is not true, which is said", () => {
    const { PD_ENABLED: _, ...rest } = both;
    const translated = translate(rest);
    expect(codes(translated)).toEqual([
      "IGNORED PREFILL_ENABLE_PREFIX_AWARE_SCORER has no effect: PD_ENABLED is not true.",
      "IGNORED PD_PROMPT_LEN_THRESHOLD has no effect: PD_ENABLED is not true.",
    ]);
    expect(translated.config.schedulingProfiles.map(({ name }) => name)).toEqual(["decode"]);
  });
});

describe("the shared index", () => {
  const on = { ENABLE_KVCACHE_AWARE_SCORER: "true", HF_TOKEN: "hf_secretsecret" };
  const addressesOf = (variables: Record<string, string>) =>
    translate(variables)
      .config.plugins.filter(({ type }) => type === "kvcache-aware-scorer")
      .map(({ name, parameters }) => [name, (parameters!["redisConfig"] as { address: string }).address]);

  it("is asked at one address for both sides, unless the prefill side has its own", () => {
    const pd = { ...on, PD_ENABLED: "true", PREFILL_ENABLE_KVCACHE_AWARE_SCORER: "true" };
    expect(addressesOf({ ...pd, KVCACHE_INDEXER_REDIS_ADDR: "redis-a:6379" })).toEqual([
      ["kvcache-aware-scorer", "redis://redis-a:6379"],
    ]);
    const two = { ...pd, KVCACHE_INDEXER_REDIS_ADDR: "redis-a:6379", PREFILL_KVCACHE_INDEXER_REDIS_ADDR: "rediss://b" };
    expect(addressesOf(two)).toEqual([
      ["kvcache-aware-scorer", "redis://redis-a:6379"],
      ["kvcache-aware-scorer-prefill", "rediss://b"],
    ]);
    const prefillOnly = { PD_ENABLED: "true", HF_TOKEN: "x", PREFILL_ENABLE_KVCACHE_AWARE_SCORER: "true" };
    expect(addressesOf({ ...prefillOnly, PREFILL_KVCACHE_INDEXER_REDIS_ADDR: "unix:///run/r.sock" })).toEqual([
      ["kvcache-aware-scorer", "unix:///run/r.sock"],
    ]);
  });

  it("is asked with the tokens of the model that is named; without one they are estimated, with a warning", () => {
    const address = { ...on, KVCACHE_INDEXER_REDIS_ADDR: "h:1" };
    const producerOf = (tokenizer: string) =>
      translate({ ...address, KVCACHE_INDEXER_TOKENIZER: tokenizer }).config.plugins.find(
        ({ type }) => type === "token-producer",
      )!.parameters;
    expect(producerOf("org/model")).toEqual({ modelName: "org/model", tokenizer: { download: true } });
    expect(producerOf("/models/one")).toEqual({ tokenizer: { path: "/models/one" } });
    expect(codes(translate(address))).toEqual([
      expect.stringMatching(/^MISSING KVCACHE_INDEXER_TOKENIZER is not set: the tokens of prompts are estimated/),
    ]);
    expect(codes(translate({ PD_ENABLED: "false", KVCACHE_INDEXER_TOKENIZER: "m" }))).toEqual([
      "IGNORED KVCACHE_INDEXER_TOKENIZER has no effect: no KVCACHE_AWARE_SCORER is on.",
    ]);
  });

  it("keeps its password out of the text, and in the configuration", () => {
    const secret = translate({ ...on, KVCACHE_INDEXER_REDIS_ADDR: "rediss://user:p%40ss@redis:6379/2?password=x1y2" });
    expect(secret.source.text).toContain('"rediss://********@redis:6379/2?password=********"');
    expect(JSON.stringify(secret.source.text)).not.toMatch(/p%40ss|x1y2|hf_secret/);
    expect(secret.config.plugins.find(({ type }) => type === "kvcache-aware-scorer")!.parameters).toEqual({
      redisConfig: { address: "rediss://user:p%40ss@redis:6379/2?password=x1y2" },
    });
  });

  it.each([
    "redis+sentinel://:pw@a:1,b:2/master",
    "rediss+cluster://a:1,b:2",
    "valkeys://h/3",
    "unix://u:pw@/r.sock?db=1",
  ])("may be behind %s", (address) => {
    expect(addressesOf({ ...on, KVCACHE_INDEXER_REDIS_ADDR: address })).toEqual([["kvcache-aware-scorer", address]]);
    expect(translate({ ...on, KVCACHE_INDEXER_REDIS_ADDR: address }).source.text).not.toContain("pw");
  });

  it.each([
    ["http://redis:6379", "another scheme"],
    ["redis://", "no host"],
    ["redis://:hunter2secret@", "no host behind a password"],
    ["ho st:1", "a blank"],
  ])("has no address %s (%s): the scorer is left out, and the value is not shown", (address) => {
    const translated = translate({ ...on, KVCACHE_INDEXER_REDIS_ADDR: address });
    expect(codes(translated)).toContain("VALUE KVCACHE_INDEXER_REDIS_ADDR is no address of a Redis server.");
    expect(JSON.stringify(translated.diagnostics)).not.toMatch(/http:|hunter2|ho st|hf_/);
    expect(translated.config.plugins.some(({ type }) => type === "kvcache-aware-scorer")).toBe(false);
  });
});

describe("numbers", () => {
  it.each([
    ["LOAD_AWARE_SCORER_WEIGHT", "-1", "it must be a whole number of at least 0"],
    ["LOAD_AWARE_SCORER_WEIGHT", "99999999999999999999", "it must be a whole number of at least 0"],
    ["LOAD_AWARE_SCORER_QUEUE_THRESHOLD", "0", "it must be a whole number of at least 1"],
    ["PREFIX_SCORER_BLOCK_SIZE", "0", "it must be a whole number of at least 1"],
    ["PD_PROMPT_LEN_THRESHOLD", "-5", "it must be a whole number of at least 0"],
    ["KV_CACHE_THRESHOLD", "0", "it must be a number above 0 and at most 1"],
    ["LORA_AFFINITY_THRESHOLD", "1.5", "it must be a number of at least 0 and at most 1"],
  ])("that would have crashed, such as %s=%s, end the start", (name, value, message) => {
    const on = Object.fromEntries(
      ["LOAD_AWARE_SCORER", "PREFIX_AWARE_SCORER", "GIE_SHEDDABLE_CAPACITY_FILTER", "GIE_LORA_AFFINITY_FILTER"].map(
        (stem) => [`ENABLE_${stem}`, "true"],
      ),
    );
    const translated = translate({ ...on, PD_ENABLED: "true", [name]: value });
    expect(codes(translated)).toEqual([`RANGE ${name} is "${value}"; ${message}.`]);
    expect(hasErrors(translated.diagnostics)).toBe(true);
    expect(translated.diagnostics[0]!.notes).toEqual([{ label: "variable", text: name }]);
  });

  it("of a weight may be decimal, with a warning", () => {
    const translated = translate({ ENABLE_LOAD_AWARE_SCORER: "true", LOAD_AWARE_SCORER_WEIGHT: "0.5" });
    expect(codes(translated)).toEqual([expect.stringContaining('VALUE LOAD_AWARE_SCORER_WEIGHT is "0.5"')]);
    expect(entriesOf(translated, "decode")).toContainEqual({ pluginRef: "load-aware-scorer", weight: 0.5 });
  });

  it("without what they belong to are told to have no effect", () => {
    const translated = translate({
      PD_ENABLED: "false",
      LOAD_AWARE_SCORER_WEIGHT: "2",
      PREFIX_SCORER_BLOCK_SIZE: "0",
      KVCACHE_INDEXER_REDIS_ADDR: "h:1",
    });
    expect(codes(translated).sort()).toEqual([
      "IGNORED KVCACHE_INDEXER_REDIS_ADDR has no effect: no KVCACHE_AWARE_SCORER is on.",
      "IGNORED LOAD_AWARE_SCORER_WEIGHT has no effect: ENABLE_LOAD_AWARE_SCORER is not true.",
      "IGNORED PREFIX_SCORER_BLOCK_SIZE has no effect: ENABLE_PREFIX_AWARE_SCORER or PD_ENABLED is not true.",
    ]);
  });
});

describe("names", () => {
  const unknown = (name: string) =>
    translate({ [name]: "true" })
      .diagnostics.filter(({ code }) => code === "POINTSMAN_ENV_UNKNOWN")
      .map(({ notes, hint }) => notes?.find(({ label }) => label === "did you mean")?.text ?? hint ?? "");

  it.each([
    ["ENABLE_PREFX_AWARE_SCORER", /^ENABLE_PREFIX_AWARE_SCORER/],
    ["ENABLE_PREFIX_AWARE_SCORRER", /^ENABLE_PREFIX_AWARE_SCORER/],
    ["PREFIL_ENABLE_LOAD_AWARE_SCORER", /^PREFILL_ENABLE_LOAD_AWARE_SCORER/],
    ["PD_ENABLE", /PD_ENABLED/],
    ["KVCACHE_INDEXER_REDIS_ADDRESS", /KVCACHE_INDEXER_REDIS_ADDR/],
    ["DECODE_ENABLE_LOAD_AWARE_SCORER", /^Set ENABLE_LOAD_AWARE_SCORER\.$/],
    ["PREFILL_PREFIX_SCORER_BLOCK_SIZE", /^Set PREFIX_SCORER_BLOCK_SIZE\.$/],
    ["ENABLE_MAGIC_SCORER", /^$/],
  ])("%s is not known", (name, near) => {
    expect(unknown(name)).toEqual([expect.stringMatching(near)]);
  });

  it.each(["PATH", "ENABLE_METRICS", "PD_URL", "GREP_FILTERS", "QUEUE_SIZE", "HOME", "PREFIX_LEN"])(
    "%s is somebody else's",
    (name) => {
      expect(unknown(name)).toEqual([]);
    },
  );

  it("are all known in both forms", () => {
    expect(variableNames.size).toBe(64);
    for (const name of variableNames) expect(unknown(name), name).toEqual([]);
  });
});

describe("where a value came from", () => {
  it("stands behind each line, be it a variable, its default, or neither", () => {
    const { source } = translate({ ENABLE_LOAD_AWARE_SCORER: "true", LOAD_AWARE_SCORER_WEIGHT: "2" });
    const lines = source.text.trimEnd().split("\n");
    for (const line of lines) expect(line).toMatch(/ # (?:always|(?:default of )?[A-Z_]+)$/);
    expect(lines.map((line) => line.replace(/ +# /, " # "))).toContain("        weight: 2 # LOAD_AWARE_SCORER_WEIGHT");
    expect(lines.map((line) => line.replace(/ +# /, " # "))).toContain(
      "      threshold: 128 # default of LOAD_AWARE_SCORER_QUEUE_THRESHOLD",
    );
  });

  it("is named by what is found wrong with it later", () => {
    const { source, config } = translate({ ENABLE_PREFIX_AWARE_SCORER: "true", PREFIX_SCORER_BLOCK_SIZE: "999999" });
    const at = config.plugins.findIndex(({ type }) => type === "prefix-aware-scorer");
    const found = (...path: (string | number)[]) => {
      const item = { code: "POINTSMAN_PLUGIN_CONFIG_INVALID", severity: "error", message: "m", path } as const;
      return withVariables([item], source)[0]!.notes;
    };
    expect(found("plugins", at, "parameters", "blockSize")).toEqual([
      { label: "variable", text: "PREFIX_SCORER_BLOCK_SIZE" },
    ]);
    expect(found("plugins", at, "type")).toEqual([{ label: "variable", text: "ENABLE_PREFIX_AWARE_SCORER" }]);
    expect(found("dataLayer")).toBeUndefined();
  });
});

describe("beside another configuration", () => {
  it("variables have no effect, and are listed without their values", () => {
    const source = { ...defaultSource("/tmp"), from: "file" as const, name: "/etc/config.yaml" };
    const variables = {
      ENABLE_LOAD_AWARE_SCORER: "true",
      KVCACHE_INDEXER_REDIS_ADDR: "redis://:pw12@h",
      HF_TOKEN: "hf_x",
    };
    expect(unusedVariables(variables, source).map(({ message }) => message)).toEqual([
      "Environment variables have no effect: the configuration is /etc/config.yaml, which wins. Ignored: ENABLE_LOAD_AWARE_SCORER, KVCACHE_INDEXER_REDIS_ADDR.",
    ]);
    expect(unusedVariables({ HF_TOKEN: "hf_x", PATH: "/bin" }, source)).toEqual([]);
  });

  it("only a switch makes variables the configuration", () => {
    expect(isConfiguredBy({ HF_TOKEN: "x", LOAD_AWARE_SCORER_WEIGHT: "2", PD_PROMPT_LEN_THRESHOLD: "1" })).toBe(false);
    expect(isConfiguredBy({ ENABLE_LOAD_AWARE_SCORER: "false" })).toBe(true);
    expect(isConfiguredBy({ PREFILL_ENABLE_GIE_QUEUE_SCORER: "true" })).toBe(true);
  });
});
