import { from, type NumberAttribute } from "@pointsman/plugin-api";
import { PrefixBlockSize, PrefixMatchBlocks } from "@pointsman/plugin-api/keys";
import { z } from "zod";

export const inflightLoadOptions = z.strictObject({
  addEstimatedOutputTokens: z
    .boolean()
    .default(false)
    .describe("Count the expected length of the answer too, not only the prompt."),
  outputRatio: z
    .number()
    .nonnegative()
    .default(1.5)
    .describe("Expected output tokens per prompt token; with `addEstimatedOutputTokens`."),
  maxEstimatedOutputTokens: z
    .number()
    .int()
    .positive()
    .optional()
    .describe("Most output tokens to expect of one request; without it only the request's own limit counts."),
  prefixMatchInfoProducerName: z
    .string()
    .default("")
    .describe("Instance that says how much of a prompt is cached; empty = the only one there is."),
  syncCrossReplicaState: z
    .boolean()
    .default(true)
    .describe("Accepted for llm-d's configs and without effect: each replica counts what it has routed itself."),
});

export type InflightLoadOptions = z.output<typeof inflightLoadOptions>;

/** The attributes that tell what an endpoint has cached of a prompt. */
export function prefixAttributes(producer: string): { match: NumberAttribute; blockSize: NumberAttribute } {
  return producer === ""
    ? { match: PrefixMatchBlocks, blockSize: PrefixBlockSize }
    : { match: from(PrefixMatchBlocks, producer), blockSize: from(PrefixBlockSize, producer) };
}
