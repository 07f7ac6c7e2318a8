import { core, definePlugin } from "@pointsman/plugin-api";
import { KvCacheUsage, WaitingRequests } from "@pointsman/plugin-api/keys";
import { z } from "zod";
import { GO_DURATION, parseGoDuration } from "./go-duration.ts";
import { headroomOption, retryAfterMsOption, warnAboutHeadroom } from "./shared-options.ts";
import { shedWhenSaturated } from "./shed-when-saturated.ts";
import { Utilization } from "./utilization.ts";

/** Pause between two log lines about endpoints without fresh metrics. */
const WARN_EVERY_MS = 30_000;

const config = z.strictObject({
  queueDepthThreshold: z
    .number()
    .int()
    .positive()
    .default(5)
    .describe("Waiting requests at which an endpoint counts as full."),
  kvCacheUtilThreshold: z
    .number()
    .positive()
    .max(1)
    .default(0.8)
    .describe("Share of the KV cache in use, above 0 and up to 1, at which an endpoint counts as full."),
  metricsStalenessThreshold: z
    .string()
    .regex(GO_DURATION, "must be a duration such as 200ms or 1.5s")
    .refine((text) => !(parseGoDuration(text) <= 0), "must be above 0")
    .default("200ms")
    .describe("Age from which metrics are not believed, as a duration: the endpoint then counts as full."),
  headroom: headroomOption,
  retryAfterMs: retryAfterMsOption,
});

/** Saturation by queue depth and KV cache use; as a filter, removes full endpoints. */
export const utilizationDetector = definePlugin({
  type: "utilization-detector",
  description:
    "Sheds requests of negative priority when queues or KV caches are full; as a filter, removes full endpoints",
  config,
  needs: { log: core.logger },
  reads: [WaitingRequests, KvCacheUsage],
  state: "none",
  setup({ config: given, needs: { log } }) {
    warnAboutHeadroom(given.headroom, log);
    const utilization = new Utilization({
      queueDepthThreshold: given.queueDepthThreshold,
      kvCacheUtilThreshold: given.kvCacheUtilThreshold,
      stalenessMs: parseGoDuration(given.metricsStalenessThreshold),
    });
    let warnedAt = Number.NEGATIVE_INFINITY;
    return {
      admitter: shedWhenSaturated({
        saturation: (candidates) => utilization.saturation(candidates),
        retryAfterMs: given.retryAfterMs,
        onShed(now, candidates) {
          if (now - warnedAt < WARN_EVERY_MS) return;
          const unknown = utilization.unknown(candidates);
          if (unknown === 0) return;
          warnedAt = now;
          log.warn("requests are refused while endpoints without fresh metrics count as full", {
            unknown,
            candidates: candidates.length,
            metricsStalenessThreshold: given.metricsStalenessThreshold,
          });
        },
      }),
      filter: {
        empties: "overloaded",
        onError: "pass",
        filter: (_request, candidates, keep) => utilization.narrow(candidates, given.headroom, keep),
      },
    };
  },
});
