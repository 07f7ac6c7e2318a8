import { redisConfigFields } from "@pointsman/kv-cache/redis";
import { z } from "zod";
import { GO_DURATION, parseGoDuration } from "./go-duration.ts";

/** Room for 5 million blocks at two holders each; memory is taken as it fills. */
const DEFAULT_INDEX_BYTES = 512 * 1024 * 1024;
const MIB = 1024 * 1024;

const blockSize = z.number().int().positive().max(65_536);
const port = z.number().int().min(1).max(65_535);
const BYTE_SIZE = /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB|K|M|G|Ki|Mi|Gi)?$/;

const tokenProcessorConfig = z.strictObject({
  blockSizeTokens: blockSize.default(16).describe("Tokens in one KV block. Must be the engines' `--block-size`."),
  blockSize: blockSize
    .optional()
    .describe("Older name of `blockSizeTokens`, over which it wins.")
    .meta({ deprecated: true }),
  hashSeed: z
    .string()
    .default("")
    .describe("Begins all chains of block keys. Any value will do; engines need not know it."),
  hashAlgorithm: z
    .enum(["cbor-fnv", "xxh64"])
    .optional()
    .describe(
      "How keys in Redis are made, `cbor-fnv` by default, as in llm-d. In memory they are always those of `xxh64`.",
    ),
});

const duration = (fallback: string) =>
  z
    .string()
    .regex(GO_DURATION, "a duration such as 5ms")
    .refine((text) => !(parseGoDuration(text) < 1), "must be at least 1ms")
    .default(fallback);

const redisConfig = z.strictObject({
  ...redisConfigFields,
  modelName: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Name of the base model in requests, with which the keys of its blocks begin. Default: the one in the topics of the events, `kv@HOST:PORT@MODEL`.",
    ),
  deadline: duration("5ms").describe("Most time that a look-up may cost a request; after it nothing is said."),
  failureThreshold: z
    .number()
    .int()
    .positive()
    .max(1_000)
    .default(5)
    .describe("Failures in a row after which Redis is not asked for a while."),
  coolDown: duration("500ms").describe("The first such while; it doubles with each failed attempt, up to 32 times."),
});

const indexerConfig = z.strictObject({
  tokenProcessorConfig: tokenProcessorConfig.optional().describe("Another place for `tokenProcessorConfig`."),
  kvBlockIndexConfig: z
    .strictObject({
      inMemoryConfig: z
        .strictObject({
          size: z.number().int().positive().optional().describe("Accepted, without effect: see `maxIndexBytes`."),
          podCacheSize: z
            .number()
            .int()
            .positive()
            .optional()
            .describe("Accepted, without effect: all endpoints that hold a block are known."),
        })
        .optional()
        .describe("The index in this process."),
      redisConfig: redisConfig
        .optional()
        .describe("The index in a Redis or Valkey that several pickers share, in the layout of llm-d-kv-cache."),
      costAwareMemoryConfig: z
        .strictObject({
          size: z
            .string()
            .regex(BYTE_SIZE, "a size such as 2GiB")
            .default("2GiB")
            .describe("Another way to say `maxIndexBytes`."),
        })
        .optional()
        .describe("The index in this process, bounded by bytes."),
      enableMetrics: z.boolean().optional().describe("Accepted, without effect: metrics are always there."),
      metricsLoggingInterval: z.string().optional().describe("Accepted, without effect."),
    })
    .refine(
      ({ redisConfig, costAwareMemoryConfig }) => redisConfig === undefined || costAwareMemoryConfig === undefined,
      {
        error:
          "is either in memory (costAwareMemoryConfig) or in Redis (redisConfig); for the memory beside Redis set maxIndexBytes",
      },
    )
    .prefault({})
    .describe("Where the index is."),
  kvCacheBackendConfigs: z
    .array(
      z.strictObject({
        name: z.string().describe("Storage medium as in the events, in lower case: `gpu`, `cpu`, …"),
        weight: z.number().min(0).max(1).describe("What one block there counts."),
      }),
    )
    .default([
      { name: "gpu", weight: 1 },
      { name: "cpu", weight: 0.8 },
    ])
    .describe(
      "What blocks count by where they are. Media that are neither `gpu` nor `cpu` share one weight, 1 by default.",
    ),
});

const kvEventsConfig = z.strictObject({
  zmqEndpoint: z
    .string()
    .regex(/^tcp:\/\/(\*|\[[0-9a-fA-F:]+\]|[^:/]+):\d{1,5}$/, "an address such as tcp://*:5557")
    .optional()
    .describe(
      "Address to listen on for engines that dial the router, such as `tcp://*:5557`. Topics then name the endpoint.",
    ),
  topicFilter: z
    .string()
    .optional()
    .describe("What topics begin with. Default: everything of engines that are dialled, `kv@` of those that dial."),
  concurrency: z
    .number()
    .int()
    .positive()
    .optional()
    .describe("Accepted, without effect: one core does the work of many engines."),
  engineType: z.enum(["vllm", "sglang"]).default("vllm").describe("Whose events they are."),
  discoverPods: z
    .boolean()
    .optional()
    .describe("Dial the endpoints of the pool. Default: true, unless `zmqEndpoint` is set."),
  podDiscoveryConfig: z
    .strictObject({
      podLabelSelector: z
        .string()
        .regex(/^[^=,]+=[^=,]*(,[^=,]+=[^=,]*)*$/, "labels such as a=b,c=d")
        .optional()
        .describe(
          "Only endpoints with these labels are dialled: `name=value`, several separated by commas. Default: all.",
        ),
      podNamespace: z.string().optional().describe("Only endpoints of this namespace are dialled. Default: all."),
      socketPort: port.default(5_557).describe("Port of an engine's publisher; the rank of the endpoint is added."),
      replaySocketPort: port
        .optional()
        .describe("Port of an engine's replay socket; the rank of the endpoint is added. Default: there is none."),
      portLabel: z
        .string()
        .default("pointsman/kv-events-port")
        .describe("Label whose value, where an endpoint has it, is its publisher's port."),
      replayPortLabel: z
        .string()
        .default("pointsman/kv-replay-port")
        .describe("Label whose value, where an endpoint has it, is its replay socket's port."),
    })
    .prefault({})
    .describe("How endpoints are dialled."),
});

export const preciseOptions = z
  .strictObject({
    tokenProcessorConfig: tokenProcessorConfig.optional().describe("How prompts are cut into blocks."),
    indexerConfig: indexerConfig.prefault({}).describe("The index of blocks."),
    kvEventsConfig: kvEventsConfig
      .optional()
      .describe(
        "Where events come from. Default: every endpoint is dialled; with `redisConfig`: none come, this picker only reads what others write.",
      ),
    speculativeIndexing: z
      .boolean()
      .default(false)
      .describe(
        "Count the blocks of a prompt as cached as soon as it was routed, until events tell or `speculativeTTL` is over.",
      ),
    speculativeTTL: z
      .string()
      .regex(GO_DURATION, "a duration such as 2s")
      .default("2s")
      .describe("How long that counts."),
    maxIndexBytes: z
      .number()
      .int()
      .min(MIB)
      .max(16 * 1024 * MIB)
      .default(DEFAULT_INDEX_BYTES)
      .describe("Most memory of the index in bytes, about 30 per block and endpoint; the blocks used last are kept."),
    maxEndpoints: z
      .number()
      .int()
      .positive()
      .max(4_096)
      .default(256)
      .describe("Most endpoints whose blocks are known."),
    sharedEngineHashes: z
      .boolean()
      .default(false)
      .describe("All engines hash alike (the same `PYTHONHASHSEED` everywhere): halves the memory."),
    maxPrefixTokensToMatch: z
      .number()
      .int()
      .nonnegative()
      .default(131_072)
      .describe("Tokens from the beginning of a prompt that are looked at; 0 = all."),
  })
  .transform((options) => {
    const { indexerConfig: indexer, speculativeTTL, ...rest } = options;
    const { redisConfig: redis } = indexer.kvBlockIndexConfig;
    const isWriter = options.kvEventsConfig !== undefined;
    const events = options.kvEventsConfig ?? kvEventsConfig.parse(redis === undefined ? {} : { discoverPods: false });
    const tokens = options.tokenProcessorConfig ?? indexer.tokenProcessorConfig ?? tokenProcessorConfig.parse({});
    const { costAwareMemoryConfig: costAware } = indexer.kvBlockIndexConfig;
    const weightOf = (wanted: (name: string) => boolean, otherwise: number): number =>
      indexer.kvCacheBackendConfigs.find(({ name }) => wanted(name.toLowerCase()))?.weight ?? otherwise;
    return {
      blockTokens: tokens.blockSize ?? tokens.blockSizeTokens,
      hashSeed: tokens.hashSeed,
      hashAlgorithm: redis === undefined ? ("xxh64" as const) : (tokens.hashAlgorithm ?? ("cbor-fnv" as const)),
      redis:
        redis === undefined
          ? undefined
          : {
              ...redis,
              isWriter,
              deadlineMs: parseGoDuration(redis.deadline),
              coolDownMs: parseGoDuration(redis.coolDown),
              tierWeights: [
                ["remote", weightOf((name) => name !== "gpu" && name !== "cpu", 1)] as const,
                ...indexer.kvCacheBackendConfigs.map(({ name, weight }) => [name.toLowerCase(), weight] as const),
              ],
            },
      weights: {
        gpu: weightOf((name) => name === "gpu", 1),
        cpu: weightOf((name) => name === "cpu", 1),
        remote: weightOf((name) => name !== "gpu" && name !== "cpu", 1),
      },
      maxIndexBytes: costAware === undefined ? rest.maxIndexBytes : parseByteSize(costAware.size),
      maxEndpoints: rest.maxEndpoints,
      sharedEngineHashes: rest.sharedEngineHashes,
      maxPrefixTokens: rest.maxPrefixTokensToMatch === 0 ? Number.POSITIVE_INFINITY : rest.maxPrefixTokensToMatch,
      speculativeMs: rest.speculativeIndexing ? parseGoDuration(speculativeTTL) : 0,
      events: { ...events, discoverPods: events.discoverPods ?? events.zmqEndpoint === undefined },
    };
  });

export type PreciseOptions = z.output<typeof preciseOptions>;

/** Bytes of a size as llm-d writes it: `2GiB`, `500MB`, `1000`. */
export function parseByteSize(text: string): number {
  const [, number, unit = "B"] = BYTE_SIZE.exec(text) ?? [];
  const base = unit.includes("i") ? 1_024 : 1_000;
  return Math.max(MIB, Math.floor(Number(number) * base ** "BKMG".indexOf(unit[0]!)));
}
