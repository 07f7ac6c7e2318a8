import { z } from "zod";

/** llm-d's limit where none is set. */
const DEFAULT_MAX_BLOCKS = 2_048;

export const burstOptions = z
  .strictObject({
    windowDurationMs: z
      .number()
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe(
        "How long the first request of a batch waits for others, in milliseconds. Every request may wait so long.",
      ),
    maxPerReplica: z
      .number()
      .int()
      .refine((count) => count === -1 || count >= 1, "must be at least 1, or -1 for no limit")
      .default(-1)
      .describe("Most requests of one batch that are drawn to one endpoint; -1 = no limit."),
    blockSizeTokens: z.number().int().positive().max(65_536).default(64).describe("Tokens in one block of the match."),
    maxPrefixTokensToMatch: z
      .number()
      .int()
      .nonnegative()
      .default(0)
      .describe("Tokens from the beginning of a prompt that are compared; 0 = 2048 blocks."),
    minColocateBlocks: z
      .number()
      .int()
      .nonnegative()
      .default(0)
      .describe("Leading blocks that prompts must share to be drawn together; 0 and 1 = the first one."),
    maxBatchSize: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .default(1_000)
      .describe("A batch with so many requests waits no longer."),
    balanceBy: z
      .enum(["requests", "tokens"])
      .default("requests")
      .describe("What is spread evenly when several groups of prompts are in one batch."),
  })
  .transform(({ maxPerReplica, maxPrefixTokensToMatch, minColocateBlocks, ...rest }) => ({
    ...rest,
    maxPerEndpoint: maxPerReplica === -1 ? Number.POSITIVE_INFINITY : maxPerReplica,
    maxBlocks:
      maxPrefixTokensToMatch === 0 ? DEFAULT_MAX_BLOCKS : Math.floor(maxPrefixTokensToMatch / rest.blockSizeTokens),
    sharedBlocks: Math.max(1, minColocateBlocks),
  }));

export type BurstOptions = z.output<typeof burstOptions>;
