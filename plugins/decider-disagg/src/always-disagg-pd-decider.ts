import { definePlugin } from "@pointsman/plugin-api";

/** Gives every request the stage. */
export const alwaysDisaggPdDecider = definePlugin({
  type: "always-disagg-pd-decider",
  description: "Gives every request a prefill stage of its own",
  state: "none",
  setup: () => ({ decider: { decide: () => true, explain: () => "always" } }),
});
