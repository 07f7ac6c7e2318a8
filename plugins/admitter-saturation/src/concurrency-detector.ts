import { core, definePlugin, from, type NumberAttribute } from "@pointsman/plugin-api";
import { InFlightRequests, InFlightTokens } from "@pointsman/plugin-api/keys";
import { z } from "zod";
import { Concurrency } from "./concurrency.ts";
import { headroomOption, retryAfterMsOption, warnAboutHeadroom } from "./shared-options.ts";
import { shedWhenSaturated } from "./shed-when-saturated.ts";

const config = z.strictObject({
  concurrencyMode: z
    .enum(["requests", "tokens", "hybrid"])
    .default("requests")
    .describe("What is counted; `hybrid` counts both and the fuller one decides."),
  maxConcurrency: z
    .number()
    .int()
    .positive()
    .default(100)
    .describe("Requests in flight at which an endpoint counts as full."),
  maxTokenConcurrency: z
    .number()
    .int()
    .positive()
    .default(1_000_000)
    .describe("Tokens in flight at which an endpoint counts as full."),
  headroom: headroomOption,
  inFlightLoadProducerName: z
    .string()
    .default("")
    .describe("Instance that counts what is in flight; empty = the only one there is."),
  retryAfterMs: retryAfterMsOption,
});

/** Saturation by requests or tokens in flight; as a filter, removes full endpoints. */
export const concurrencyDetector = definePlugin({
  type: "concurrency-detector",
  description: "Sheds requests of negative priority when too much is in flight; as a filter, removes full endpoints",
  config,
  needs: { log: core.logger },
  reads: ({ inFlightLoadProducerName }) => [
    writtenBy(InFlightRequests, inFlightLoadProducerName),
    writtenBy(InFlightTokens, inFlightLoadProducerName),
  ],
  state: "none",
  setup({ config: given, needs: { log } }) {
    warnAboutHeadroom(given.headroom, log);
    const concurrency = new Concurrency(
      { mode: given.concurrencyMode, maxRequests: given.maxConcurrency, maxTokens: given.maxTokenConcurrency },
      writtenBy(InFlightRequests, given.inFlightLoadProducerName),
      writtenBy(InFlightTokens, given.inFlightLoadProducerName),
    );
    return {
      admitter: shedWhenSaturated({
        saturation: (candidates) => concurrency.saturation(candidates),
        retryAfterMs: given.retryAfterMs,
      }),
      filter: {
        empties: "overloaded",
        onError: "pass",
        filter: (_request, candidates, keep) => concurrency.narrow(candidates, given.headroom, keep),
      },
    };
  },
});

function writtenBy(attribute: NumberAttribute, instance: string): NumberAttribute {
  return instance === "" ? attribute : from(attribute, instance);
}
