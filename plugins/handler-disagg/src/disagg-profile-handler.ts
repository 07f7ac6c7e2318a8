import { core, definePlugin, ref, type ServiceRef } from "@pointsman/plugin-api";
import { PeerEndpoint, PrefillProfile } from "@pointsman/plugin-api/keys";
import { createDecisionCounter } from "./decision-counter.ts";
import { disaggOptions, stagesOf } from "./disagg-options.ts";
import { runStages, type StageDeciders } from "./run-stages.ts";
import { setStageHeaders } from "./stage-headers.ts";

/**
 * Runs encode, prefill and decode on endpoints of their own where deciders say so, and tells the sidecar in headers. A
 * request never fails for want of an encode or prefill endpoint.
 */
export const disaggProfileHandler = definePlugin({
  type: "disagg-profile-handler",
  description: "Runs encode, prefill and decode on endpoints of their own where deciders say so",
  config: disaggOptions,
  needs(config) {
    const { prefillDecider, encodeDecider } = stagesOf(config);
    const needs: Record<string, ServiceRef> = { metrics: core.metrics, log: core.logger };
    if (prefillDecider !== undefined) needs.prefill = ref.decider(prefillDecider);
    if (encodeDecider !== undefined) needs.encode = ref.decider(encodeDecider);
    return needs as { readonly metrics: typeof core.metrics; readonly log: typeof core.logger };
  },
  writes: [PeerEndpoint, PrefillProfile],
  state: "none",
  setup({ config, needs }) {
    const stages = stagesOf(config);
    const { prefill, encode }: StageDeciders = needs as StageDeciders;
    const deciders = { ...(prefill === undefined ? {} : { prefill }), ...(encode === undefined ? {} : { encode }) };
    const count = createDecisionCounter(needs.metrics, ["disagg_decision_total"], stages);
    const legacyPrefillerUrl = config.legacyPrefillerUrlHeader;
    return {
      profileHandler: runStages(stages, deciders, (message) => needs.log.warn(message)),
      postChoice(request, choice) {
        setStageHeaders(choice, { prefill: stages.prefill, encode: stages.encode, legacyPrefillerUrl });
        count(request, choice);
      },
    };
  },
});
