import { definePlugin, jsonSchema } from "@pointsman/plugin-api";
import { KvCacheUsage } from "@pointsman/plugin-api/keys";

/** @type {import("@pointsman/plugin-api").JsonSchema<{ minFree: number }>} */
const config = jsonSchema({
  type: "object",
  properties: {
    minFree: {
      description: "Smallest free share of the KV cache, 0 to 1, to be kept.",
      type: "number",
      minimum: 0,
      maximum: 1,
      default: 0.1,
    },
  },
  additionalProperties: false,
});

/** Keeps the endpoints with at least `minFree` of their KV cache free, and those whose use is not known. */
export const __IDENTIFIER__ = definePlugin({
  type: "__TYPE__",
  description: "Keeps the endpoints with room in their KV cache",
  config,
  reads: [KvCacheUsage],
  state: "none",
  setup({ config: { minFree } }) {
    const mostUsed = 1 - minFree;
    return {
      filter: {
        // When nobody is left they are busy, not unable: the client is told to come again.
        empties: "overloaded",
        onError: "pass",
        filter(_request, candidates, keep) {
          const usage = candidates.column(KvCacheUsage);
          // False for NaN: an endpoint that has not reported stays.
          for (let i = 0; i < candidates.length; i += 1) if (usage[i] > mostUsed) keep[i] = 0;
        },
      },
    };
  },
});
