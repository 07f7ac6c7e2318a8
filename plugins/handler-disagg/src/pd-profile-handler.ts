import { core, definePlugin, ref } from "@pointsman/plugin-api";
import { PeerEndpoint, PrefillProfile } from "@pointsman/plugin-api/keys";
import { z } from "zod";
import { createDecisionCounter } from "./decision-counter.ts";
import { runStages } from "./run-stages.ts";
import { setRankHeader, setStageHeaders } from "./stage-headers.ts";

const config = z.strictObject({
  decodeProfile: z.string().min(1).default("decode").describe("Scheduling profile of the decode stage."),
  prefillProfile: z.string().min(1).default("prefill").describe("Scheduling profile of the prefill stage."),
  deciderPluginName: z
    .string()
    .min(1)
    .default("prefix-based-pd-decider")
    .describe("Instance that says whether a request gets a prefill stage."),
  primaryPort: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .describe("Port to send requests to, with the chosen one in `x-data-parallel-host-port`; 0 = the chosen one."),
});

/** The older handler for prefill and decode, with data-parallel ranks. */
export const pdProfileHandler = definePlugin({
  type: "pd-profile-handler",
  description: "Runs prefill and decode on endpoints of their own (older form of disagg-profile-handler)",
  deprecated: { since: "0.1.0", replacement: "disagg-profile-handler" },
  config,
  needs: ({ deciderPluginName }) => ({
    metrics: core.metrics,
    log: core.logger,
    decider: ref.decider(deciderPluginName),
  }),
  writes: [PeerEndpoint, PrefillProfile],
  state: "none",
  setup({ config: { decodeProfile, prefillProfile, deciderPluginName, primaryPort }, needs }) {
    const stages = {
      order: "decode-first",
      decode: decodeProfile,
      prefill: prefillProfile,
      // This handler has no encode stage; no profile can have the empty name.
      encode: "",
      prefillDecider: deciderPluginName,
      encodeDecider: undefined,
    } as const;
    const count = createDecisionCounter(needs.metrics, ["pd_decision_total", "disagg_decision_total"], stages);
    return {
      profileHandler: runStages(stages, { prefill: needs.decider }, (message) => needs.log.warn(message)),
      postChoice(request, choice) {
        setStageHeaders(choice, stages);
        if (primaryPort !== 0) setRankHeader(choice, primaryPort);
        count(request, choice);
      },
    };
  },
});
