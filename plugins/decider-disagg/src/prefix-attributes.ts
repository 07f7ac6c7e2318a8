import { from, type NumberAttribute } from "@pointsman/plugin-api";
import { PrefixBlockSize, PrefixMatchBlocks } from "@pointsman/plugin-api/keys";
import { z } from "zod";

export const prefixProducerName = z
  .string()
  .default("")
  .describe("Instance that says how much of a prompt is cached; empty = the only one there is.");

export interface PrefixAttributes {
  readonly match: NumberAttribute;
  readonly blockSize: NumberAttribute;
}

/** The attributes that tell what an endpoint has cached of a prompt, as the named producer writes them. */
export function prefixAttributes(producer: string): PrefixAttributes {
  return producer === ""
    ? { match: PrefixMatchBlocks, blockSize: PrefixBlockSize }
    : { match: from(PrefixMatchBlocks, producer), blockSize: from(PrefixBlockSize, producer) };
}
