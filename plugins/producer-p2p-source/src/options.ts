import { from, type NumberAttribute } from "@pointsman/plugin-api";
import { PrefixBlockSize, PrefixMatchBlocks } from "@pointsman/plugin-api/keys";
import { z } from "zod";

export const p2pSourceOptions = z.strictObject({
  minCachedTokenDelta: z
    .number()
    .int()
    .min(1)
    .default(1)
    .describe("Tokens that the source must have cached beyond what the computing endpoint has."),
  prefillProfileName: z
    .string()
    .min(1)
    .optional()
    .describe("Profile of the prefill stage; what the profile handler calls it, else `prefill`, when absent."),
  prefixMatchInfoProducerName: z
    .string()
    .default("")
    .describe("Instance that says how much of a prompt is cached; empty = the only one there is."),
});

/** The attributes that tell what an endpoint has cached of a prompt. */
export function prefixAttributes(producer: string): { match: NumberAttribute; blockSize: NumberAttribute } {
  return producer === ""
    ? { match: PrefixMatchBlocks, blockSize: PrefixBlockSize }
    : { match: from(PrefixMatchBlocks, producer), blockSize: from(PrefixBlockSize, producer) };
}
