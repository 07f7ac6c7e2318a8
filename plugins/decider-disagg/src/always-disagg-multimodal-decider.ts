import { definePlugin } from "@pointsman/plugin-api";
import { createDecider } from "./create-decider.ts";
import { countMultimodalParts } from "./multimodal-parts.ts";

/** Gives requests with images, audio or video an encode stage; text-only ones have nothing to encode. */
export const alwaysDisaggMultimodalDecider = definePlugin({
  type: "always-disagg-multimodal-decider",
  description: "Gives requests with images, audio or video an encode stage of their own",
  state: "none",
  setup: () => ({
    decider: createDecider((request) => {
      const parts = countMultimodalParts(request.body, () => request.json());
      return { yes: parts > 0, reason: parts === 0 ? "text only" : `${parts} multimodal parts` };
    }),
  }),
});
