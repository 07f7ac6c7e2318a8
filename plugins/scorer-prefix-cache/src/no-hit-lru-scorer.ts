import { definePlugin, defineRequestKey } from "@pointsman/plugin-api";
import { PrefillProfile, PrefixMatchBlocks } from "@pointsman/plugin-api/keys";
import { z } from "zod";
import { RecencyList } from "./recency-list.ts";
import { prefixMatchInfoProducerName, writtenBy } from "./written-by.ts";

const config = z.strictObject({
  lruSize: z
    .number()
    .int()
    .positive()
    .max(1_000_000)
    .default(1_024)
    .describe("Endpoints whose last cold request is remembered."),
  prefixMatchInfoProducerName,
  prefixPluginType: z
    .string()
    .optional()
    .describe("Accepted for older configs and without effect.")
    .meta({ deprecated: true }),
  prefixPluginName: z
    .string()
    .default("")
    .describe("Older name of `prefixMatchInfoProducerName`, which wins over it.")
    .meta({ deprecated: true }),
});

/** What every candidate gets when the prompt is cached somewhere: the score then says nothing. */
const WARM = 0.5;
/** Beside the primary one, the profile whose endpoint computes the prompt too, where no handler says what it is called. */
const PREFILL_PROFILE = "prefill";

/**
 * Spreads requests that no endpoint has anything cached of: those that had no such request yet come first with 1, then
 * the others, the one whose last one is longest ago first: the i-th of n candidates gets 1 − i / (n − 1).
 */
export const noHitLruScorer = definePlugin({
  type: "no-hit-lru-scorer",
  description: "Spreads requests with nothing cached over the endpoints that had one longest ago",
  config,
  reads: (given) => [matchOf(given)],
  setup({ config: given, instance, previous }) {
    const match = matchOf(given);
    const recency = previous instanceof RecencyList ? previous : new RecencyList();
    recency.limit(given.lruSize);
    const suffix = Buffer.from(instance.name).toString("hex");
    // True once some profile has seen a match: then the request is not cold.
    const warm = defineRequestKey<boolean>({ id: `pointsman/no-hit-lru.${suffix}`, major: 1 });
    let ages = new Float64Array(64);
    return {
      handOver: () => recency,
      scorer: {
        score(request, candidates, scores) {
          const count = candidates.length;
          const isWarm = hasMatch(candidates.column(match), count);
          request.locals.set(warm, isWarm || request.locals.get(warm) === true);
          if (isWarm) {
            scores.fill(WARM);
            return;
          }
          if (ages.length < count) ages = new Float64Array(2 * count);
          let used = 0;
          for (let i = 0; i < count; i += 1) {
            const age = recency.lastUse(candidates[i]!.id);
            // Kept in the scores for the second pass; the sorted ones give the ranks.
            scores[i] = age;
            if (age > 0) ages[used++] = age;
          }
          const sorted = ages.subarray(0, used).sort();
          for (let i = 0; i < count; i += 1) {
            const age = scores[i]!;
            scores[i] = age === 0 ? 1 : 1 - (count - used + rankOf(sorted, age)) / Math.max(1, count - 1);
          }
          if (count === 1) scores[0] = 1;
        },
      },
      postChoice(request, choice) {
        // Undefined: the scorer did not run for this request, so nothing is known about it.
        if (request.locals.get(warm) !== false) return;
        const primary = choice.picked[0];
        if (primary !== undefined) recency.use(primary.id);
        const prefill = choice.result(request.locals.get(PrefillProfile) ?? PREFILL_PROFILE)?.picked[0];
        if (prefill !== undefined && prefill.id !== primary?.id) recency.use(prefill.id);
      },
    };
  },
});

function matchOf({ prefixMatchInfoProducerName: name, prefixPluginName: older }: z.output<typeof config>) {
  return writtenBy(PrefixMatchBlocks, name === "" ? older : name);
}

function hasMatch(matches: Float64Array, count: number): boolean {
  for (let i = 0; i < count; i += 1) if (matches[i]! > 0) return true;
  return false;
}

/** Position in an ascending array of distinct numbers, which it is one of. */
function rankOf(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
