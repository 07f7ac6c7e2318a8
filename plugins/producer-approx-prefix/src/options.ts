import { z } from "zod";

/** Room for 1.6 million blocks: 50 endpoints of 31 250. */
const DEFAULT_INDEX_BYTES = 64 * 1024 * 1024;

export const maxIndexBytes = z
  .number()
  .int()
  .min(1024 * 1024)
  .max(8 * 1024 * 1024 * 1024)
  .default(DEFAULT_INDEX_BYTES)
  .describe("Most memory of the index in bytes, about 43 per block and endpoint; the blocks used last are kept.");

export const approxOptions = z.strictObject({
  autoTune: z
    .boolean()
    .default(true)
    .describe(
      "Take the block size and each endpoint's number of blocks from its metrics where it reports them, instead of `blockSizeTokens` and `lruCapacityPerServer`.",
    ),
  blockSizeTokens: z
    .number()
    .int()
    .positive()
    .max(65_536)
    .default(16)
    .describe("Tokens in one block of the match; below 64 it is taken as 64."),
  maxPrefixTokensToMatch: z
    .number()
    .int()
    .nonnegative()
    .default(131_072)
    .describe("Tokens from the beginning of a prompt that are looked at; 0 = `maxPrefixBlocksToMatch` decides."),
  maxPrefixBlocksToMatch: z
    .number()
    .int()
    .nonnegative()
    .default(2_048)
    .describe("Blocks from the beginning of a prompt, where `maxPrefixTokensToMatch` is 0; 0 = all of it.")
    .meta({ deprecated: true }),
  lruCapacityPerServer: z
    .number()
    .int()
    .positive()
    .default(31_250)
    .describe("Blocks that an endpoint is believed to keep when it does not report how many it has."),
  blockSize: z
    .number()
    .int()
    .positive()
    .max(65_536)
    .optional()
    .describe("Older name of `blockSizeTokens`, over which it wins.")
    .meta({ deprecated: true }),
  maxIndexBytes,
});

export type ApproxOptions = z.output<typeof approxOptions>;

export const prefixAwareOptions = z.strictObject({
  blockSize: z
    .number()
    .int()
    .positive()
    .max(262_144)
    .default(256)
    .describe("Bytes of the prompt in one block; what does not fill a block is not looked at."),
  maxPrefixBlocksToMatch: z
    .number()
    .int()
    .positive()
    .default(8_192)
    .describe("Blocks from the beginning of a prompt that are looked at."),
  maxIndexBytes,
});
