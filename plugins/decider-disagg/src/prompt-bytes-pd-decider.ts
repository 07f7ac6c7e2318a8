import { definePlugin, type Endpoint } from "@pointsman/plugin-api";
import { TokenizedPrompt } from "@pointsman/plugin-api/keys";
import { z } from "zod";
import { createDecider } from "./create-decider.ts";
import { type PrefixAttributes, prefixAttributes, prefixProducerName } from "./prefix-attributes.ts";

const QUOTE = 0x22;

const config = z.strictObject({
  threshold: z
    .number()
    .int()
    .nonnegative()
    .default(100)
    .describe("Bytes of the prompt not cached at the decode endpoint from which prefill is split off; 0 = always."),
  prefixMatchInfoProducerName: prefixProducerName,
});

/**
 * The rule of llm-d 0.1 (`PD_PROMPT_LEN_THRESHOLD`): (1 − cached share) × bytes of the prompt ≥ `threshold`. The bytes
 * are those of the prompt as it stands in the request's body. Where nothing is known of the cache, nothing is cached.
 */
export const promptBytesPdDecider = definePlugin({
  type: "prompt-bytes-pd-decider",
  description: "Splits prefill off when many bytes of the prompt are not cached at the decode endpoint",
  config,
  reads: ({ prefixMatchInfoProducerName }) => {
    const { match, blockSize } = prefixAttributes(prefixMatchInfoProducerName);
    return [match, blockSize, TokenizedPrompt];
  },
  state: "none",
  setup({ config: { threshold, prefixMatchInfoProducerName } }) {
    const attributes = prefixAttributes(prefixMatchInfoProducerName);
    return {
      decider: createDecider((request, endpoint) => {
        const { tokenIds, parts } = request.prompt;
        const tokens = tokenIds ?? request.locals.get(TokenizedPrompt);
        // A prompt of token ids has no text: llm-d's estimate of 4 bytes a token stands for it.
        const bytes = tokenIds === undefined ? textBytes(parts) : 4 * tokenIds.length;
        const share = endpoint === undefined ? 0 : cachedShare(endpoint, tokens?.length ?? 0, attributes);
        const rest = Math.round((1 - share) * bytes);
        const yes = rest >= threshold;
        const at = endpoint === undefined ? "anywhere" : `at ${endpoint.address}`;
        const compared = `${yes ? "at least" : "fewer than"} the threshold ${threshold}`;
        return { yes, reason: `${rest} of ${bytes} bytes are not cached ${at}, ${compared}` };
      }),
    };
  },
});

/** Bytes of the prompt's text as it stands in the body, without the quotation marks around it. */
function textBytes(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length - (part.length > 1 && part[0] === QUOTE ? 2 : 0), 0);
}

/** Share of the prompt's tokens that the endpoint has cached, 0 to 1. */
function cachedShare(endpoint: Endpoint, tokens: number, { match, blockSize }: PrefixAttributes): number {
  const cached = (endpoint.get(match) ?? 0) * (endpoint.get(blockSize) ?? 0);
  return tokens === 0 || Number.isNaN(cached) ? 0 : Math.min(1, cached / tokens);
}
