import { definePlugin, from, type NumberAttribute } from "@pointsman/plugin-api";
import { InFlightRequests, KvCacheUsage, RunningRequests, WaitingRequests } from "@pointsman/plugin-api/keys";
import { z } from "zod";

const metrics = ["active-requests", "running-requests", "waiting-queue", "kv-cache-utilization"] as const;

const config = z.strictObject({
  conditions: z
    .array(
      z.strictObject({
        metric: z
          .enum(metrics)
          .describe(
            "`active-requests`: requests this picker has in flight there; `running-requests`, `waiting-queue`: requests in the server's batch and queue; `kv-cache-utilization`: share of its KV cache in use, 0 to 1.",
          ),
        maxValue: z
          .number()
          .nonnegative()
          .describe("Highest value with which the endpoint is kept, in the metric's unit."),
      }),
    )
    .min(1)
    .describe("Limits, all of which an endpoint must keep."),
  fallbackOnEmpty: z
    .boolean()
    .default(false)
    .describe("Keep all candidates when none is within the limits, instead of answering 429."),
  inFlightLoadProducerName: z
    .string()
    .default("")
    .describe("Instance whose counters `active-requests` means; empty = the only one there is."),
});

type Config = z.output<typeof config>;

/** Keeps the endpoints whose load is within limits. A value that is not known counts as 0. */
export const utilizationFilter = definePlugin({
  type: "utilization-filter",
  description: "Keeps the endpoints whose load is within limits",
  stability: "alpha",
  config,
  reads: (given) =>
    [...new Set(given.conditions.map(({ metric }) => metric))].map((metric) => attributeOf(metric, given)),
  state: "none",
  setup({ config: given }) {
    const { fallbackOnEmpty } = given;
    const attributes = given.conditions.map(({ metric }) => attributeOf(metric, given));
    const limits = Float64Array.from(given.conditions, ({ maxValue }) => maxValue);
    return {
      filter: {
        empties: "overloaded",
        onError: "pass",
        filter(_request, candidates, keep) {
          for (let c = 0; c < limits.length; c += 1) {
            const values = candidates.column(attributes[c]!);
            const limit = limits[c]!;
            // False for NaN: an unknown value counts as 0, which every limit allows.
            for (let i = 0; i < candidates.length; i += 1) if (values[i]! > limit) keep[i] = 0;
          }
          if (fallbackOnEmpty && !keep.includes(1)) keep.fill(1);
        },
      },
    };
  },
});

function attributeOf(
  metric: (typeof metrics)[number],
  { inFlightLoadProducerName: producer }: Config,
): NumberAttribute {
  switch (metric) {
    case "active-requests":
      return producer === "" ? InFlightRequests : from(InFlightRequests, producer);
    case "running-requests":
      return RunningRequests;
    case "waiting-queue":
      return WaitingRequests;
    case "kv-cache-utilization":
      return KvCacheUsage;
  }
}
