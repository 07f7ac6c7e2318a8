import { definePlugin } from "@pointsman/plugin-api";
import { TokenizedPrompt } from "@pointsman/plugin-api/keys";
import { z } from "zod";
import { createDecider, type Verdict } from "./create-decider.ts";
import { prefixAttributes, prefixProducerName } from "./prefix-attributes.ts";

const config = z.strictObject({
  nonCachedTokens: z
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe("Prompt tokens not cached at the decode endpoint from which prefill is split off; 0 = never."),
  promptTokens: z
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe("Prompts shorter than this are never split; 0 = no such limit."),
  prefixMatchInfoProducerName: prefixProducerName,
});

/**
 * Splits prefill off when the decode endpoint would have to compute many tokens itself:
 * prompt tokens − cached blocks × block size ≥ `nonCachedTokens` (llm-d's rule).
 */
export const prefixBasedPdDecider = definePlugin({
  type: "prefix-based-pd-decider",
  description: "Splits prefill off when many prompt tokens are not cached at the decode endpoint",
  config,
  reads: ({ prefixMatchInfoProducerName }) => {
    const { match, blockSize } = prefixAttributes(prefixMatchInfoProducerName);
    return [match, blockSize, TokenizedPrompt];
  },
  state: "none",
  setup({ config: { nonCachedTokens, promptTokens, prefixMatchInfoProducerName } }) {
    const { match, blockSize } = prefixAttributes(prefixMatchInfoProducerName);
    return {
      decider: createDecider((request, endpoint) => {
        if (nonCachedTokens === 0) return no("nonCachedTokens is 0, which means never");
        if (endpoint === undefined) return no("no endpoint was chosen before");
        const tokens = request.locals.get(TokenizedPrompt)?.length ?? 0;
        if (tokens < promptTokens)
          return no(`the prompt has ${tokens} tokens, fewer than promptTokens ${promptTokens}`);
        if (tokens < nonCachedTokens) {
          return no(`the prompt has ${tokens} tokens, fewer than nonCachedTokens ${nonCachedTokens}`);
        }
        const cached = (endpoint.get(match) ?? Number.NaN) * (endpoint.get(blockSize) ?? Number.NaN);
        if (Number.isNaN(cached)) return no(`it is not known what ${endpoint.address} has cached`);
        const rest = Math.max(0, tokens - cached);
        const yes = rest >= nonCachedTokens;
        const compared = `${yes ? "at least" : "fewer than"} nonCachedTokens ${nonCachedTokens}`;
        return { yes, reason: `${rest} of ${tokens} tokens are not cached at ${endpoint.address}, ${compared}` };
      }),
    };
  },
});

function no(reason: string): Verdict {
  return { yes: false, reason };
}
