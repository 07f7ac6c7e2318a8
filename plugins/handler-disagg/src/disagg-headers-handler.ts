import { definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";
import { setStageHeaders } from "./stage-headers.ts";

const config = z.strictObject({
  prefillProfile: z.string().min(1).default("prefill").describe("Scheduling profile of the prefill stage."),
  encodeProfile: z.string().min(1).default("encode").describe("Scheduling profile of the encode stage."),
});

/** The headers of disagg-profile-handler alone, for older configs that list both. */
export const disaggHeadersHandler = definePlugin({
  type: "disagg-headers-handler",
  aliases: ["prefill-header-handler"],
  description: "Tells the sidecar who prefills and who encodes (disagg-profile-handler does it by itself)",
  deprecated: { since: "0.1.0", replacement: "disagg-profile-handler, which sets the headers itself" },
  config,
  state: "none",
  setup: ({ config: { prefillProfile, encodeProfile } }) => ({
    postChoice(_request, choice) {
      setStageHeaders(choice, { prefill: prefillProfile, encode: encodeProfile });
    },
  }),
});
