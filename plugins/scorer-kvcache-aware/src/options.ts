import { redisConfigFields } from "@pointsman/kv-cache/redis";
import { durationPattern, parseDurationMs } from "@pointsman/scrape-client";
import { z } from "zod";

const duration = (fallback: string) =>
  z
    .string()
    .regex(durationPattern, "must be a duration such as 5ms or 1.5s")
    .refine((text) => !(parseDurationMs(text)! < 1), "must be at least 1ms")
    .default(fallback);

const redisConfig = z.strictObject(redisConfigFields).prefault({}).describe("Where the index is.");

export const kvcacheOptions = z.strictObject({
  redisConfig,
  layout: z
    .enum(["v0.1", "v0.2", "head"])
    .default("v0.1")
    .describe(
      "Which llm-d wrote the index: `v0.1` (LMCache's form, of May 2025), `v0.2` (also v0.3), `head` (llm-d-kv-cache today).",
    ),
  blockSizeTokens: z
    .number()
    .int()
    .positive()
    .max(65_536)
    .optional()
    .describe(
      "Tokens in one block of the index. Default: 256 for `v0.1`, 16 for the others, where it is the engine's.",
    ),
  hashAlgorithm: z
    .enum(["cbor-fnv", "xxh64"])
    .default("cbor-fnv")
    .describe("How llm-d makes block keys. Without effect in `v0.1`, which has SHA-256."),
  hashSeed: z.string().default("").describe("llm-d's `hashSeed`. Without effect in `v0.1`."),
  modelName: z
    .string()
    .min(1)
    .optional()
    .describe("Name of the model in the index, for all requests; absent = the one a request is for."),
  maxPrefixTokensToMatch: z
    .number()
    .int()
    .positive()
    .default(131_072)
    .describe("Tokens from the beginning of a prompt that are looked up."),
  maxPrefixBlocksToMatch: z
    .number()
    .int()
    .positive()
    .max(65_536)
    .default(2_048)
    .describe("Blocks from the beginning of a prompt that are looked up."),
  deadline: duration("5ms").describe("Most time that a look-up may cost a request; after it the scorer abstains."),
  failureThreshold: z
    .number()
    .int()
    .positive()
    .max(1_000)
    .default(5)
    .describe("Failures in a row after which Redis is not asked for a while."),
  coolDown: duration("500ms").describe("The first such while; it doubles with each failed attempt, up to 32 times."),
});

export type KvcacheOptions = z.output<typeof kvcacheOptions>;
