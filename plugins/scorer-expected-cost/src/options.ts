import { z } from "zod";

export const expectedCostOptions = z.strictObject({
  prefillTokensPerSecond: z
    .number()
    .positive()
    .default(15_928)
    .describe("Prompt tokens that an endpoint of capacity 1 computes in a second. A rough number will do."),
  waitWeight: z
    .number()
    .min(0)
    .default(0.03)
    .describe(
      "What a millisecond of waiting behind other prompts counts, beside a millisecond of computing; 1 = the first token as soon as possible, less keeps caches better.",
    ),
  idleWaitWeight: z
    .number()
    .min(0)
    .default(0.1)
    .describe(
      "Added to `waitWeight` while all endpoints are idle, less the more of them are busy: computing again then delays nobody.",
    ),
  memoryWeight: z
    .number()
    .min(0)
    .default(0.05)
    .describe("The same for waiting until requests that fill the KV cache have ended."),
  balanceWindow: z
    .number()
    .int()
    .positive()
    .default(200)
    .describe("Requests per endpoint over which loads are compared."),
  balanceFrom: z
    .number()
    .min(0)
    .default(0.1)
    .describe("How far above the mean an endpoint's load may lie before it costs: 0.1 = 10 %."),
  balanceFull: z
    .number()
    .positive()
    .default(0.25)
    .describe("How far above the mean it costs as much as computing the whole prompt."),
  balanceBias: z
    .number()
    .min(0)
    .default(0.05)
    .describe("Share of the whole prompt that each 100 % of difference from the mean costs in any case."),
  capacityLabel: z
    .string()
    .default("pointsman.dev/capacity")
    .describe(
      "Label with the capacity of an endpoint relative to others. Where no candidate has it, the size of the KV cache tells; empty = all are equal.",
    ),
  prefixMatchInfoProducerName: z
    .string()
    .default("")
    .describe("Instance that says how much of a prompt is cached; empty = the only one there is."),
});

export type ExpectedCostOptions = z.output<typeof expectedCostOptions>;
