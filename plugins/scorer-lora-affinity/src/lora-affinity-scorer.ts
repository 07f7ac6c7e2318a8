import { definePlugin } from "@pointsman/plugin-api";
import { ActiveAdapters, MaxAdapters, WaitingAdapters } from "@pointsman/plugin-api/keys";

const LOADED = 1;
const CAN_LOAD = 0.8;
const AWAITED = 0.6;
const FULL = 0;

/** Prefers endpoints that have the asked adapter loaded, then those with room for one. Values as in llm-d. */
export const loraAffinityScorer = definePlugin({
  type: "lora-affinity-scorer",
  description: "Prefers endpoints that have the asked LoRA adapter loaded, or room for it",
  reads: [ActiveAdapters],
  readsOptional: [WaitingAdapters, MaxAdapters],
  state: "none",
  setup() {
    return {
      scorer: {
        score({ targetModel }, candidates, scores) {
          const limits = candidates.column(MaxAdapters);
          for (let i = 0; i < candidates.length; i += 1) {
            const endpoint = candidates[i]!;
            const active = endpoint.get(ActiveAdapters);
            const waiting = endpoint.get(WaitingAdapters);
            if (active === undefined && waiting === undefined) continue;
            const taken = (active?.size ?? 0) + (waiting?.size ?? 0);
            if (active?.has(targetModel)) scores[i] = LOADED;
            // False when the limit is unknown: a server that does not say how many it can hold offers no room.
            else if (taken < limits[i]!) scores[i] = CAN_LOAD;
            else scores[i] = waiting?.has(targetModel) ? AWAITED : FULL;
          }
        },
      },
    };
  },
});
