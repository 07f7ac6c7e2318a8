import { definePlugin, type Endpoint } from "@pointsman/plugin-api";
import { ActiveAdapters, ServedModels, WaitingAdapters } from "@pointsman/plugin-api/keys";
import { z } from "zod";

const config = z.strictObject({
  onUnknown: z
    .enum(["keep", "drop"])
    .default("keep")
    .describe("What happens to endpoints whose models are not known (never reported, or too long ago)."),
});

/** Keeps the endpoints that serve the model, or the LoRA adapter, which will be asked of them. */
export const modelFilter = definePlugin({
  type: "model-filter",
  description: "Keeps the endpoints that serve the asked model or LoRA adapter",
  config,
  reads: [ServedModels],
  readsOptional: [ActiveAdapters, WaitingAdapters],
  state: "none",
  setup({ config: { onUnknown } }) {
    const keepsUnknown = onUnknown === "keep";
    return {
      filter: {
        empties: "ineligible",
        onError: "reject",
        filter({ targetModel }, candidates, keep) {
          if (targetModel === "") return;
          for (let i = 0; i < candidates.length; i += 1) {
            if (!serves(candidates[i]!, targetModel, keepsUnknown)) keep[i] = 0;
          }
        },
      },
    };
  },
});

function serves(endpoint: Endpoint, model: string, whenUnknown: boolean): boolean {
  const models = endpoint.get(ServedModels);
  if (models?.has(model) === true) return true;
  // An adapter loaded since the last look at the list of models shows in the metrics first.
  if (endpoint.get(ActiveAdapters)?.has(model) === true) return true;
  if (endpoint.get(WaitingAdapters)?.has(model) === true) return true;
  return models === undefined && whenUnknown;
}
