import { definePlugin } from "@pointsman/plugin-api";
import { ActiveAdapters, MaxAdapters, WaitingAdapters } from "@pointsman/plugin-api/keys";
import { z } from "zod";

const config = z.strictObject({
  threshold: z
    .number()
    .min(0)
    .max(1)
    .default(0.999)
    .describe("Share of the requests, 0 to 1, for which endpoints that have the adapter win over those with room."),
});

const OTHER = 0;
const HAS_IT = 1;
const HAS_ROOM = 2;

/**
 * Keeps the endpoints that have the asked adapter (loaded or awaited) or, for a small share of the requests, those with
 * room for one, so that an adapter spreads. Rule of the filter of this name in the first Gateway API Inference
 * Extension.
 */
export const loraAffinityFilter = definePlugin({
  type: "lora-affinity-filter",
  description: "Keeps the endpoints that have the asked LoRA adapter, or room for it",
  config,
  reads: [ActiveAdapters],
  readsOptional: [WaitingAdapters, MaxAdapters],
  state: "none",
  setup({ config: { threshold } }) {
    return {
      filter: {
        empties: "overloaded",
        onError: "pass",
        filter(request, candidates, keep) {
          const { targetModel } = request;
          const limits = candidates.column(MaxAdapters);
          let having = 0;
          let withRoom = 0;
          for (let i = 0; i < candidates.length; i += 1) {
            const active = candidates[i]!.get(ActiveAdapters);
            const waiting = candidates[i]!.get(WaitingAdapters);
            const taken = (active?.size ?? 0) + (waiting?.size ?? 0);
            if (active?.has(targetModel) || waiting?.has(targetModel)) {
              keep[i] = HAS_IT;
              having += 1;
            } else if (taken < limits[i]!) {
              keep[i] = HAS_ROOM;
              withRoom += 1;
            } else keep[i] = OTHER;
          }
          const wanted = wantedGroup(having, withRoom, () => request.random() < threshold);
          for (let i = 0; i < candidates.length; i += 1) keep[i] = wanted === OTHER || keep[i] === wanted ? 1 : 0;
        },
      },
    };
  },
});

/** Where nobody has the adapter or room for it, the filter has nothing to say: the request is for the base model. */
function wantedGroup(having: number, withRoom: number, prefersHaving: () => boolean): number {
  if (having > 0 && withRoom > 0) return prefersHaving() ? HAS_IT : HAS_ROOM;
  if (having > 0) return HAS_IT;
  return withRoom > 0 ? HAS_ROOM : OTHER;
}
