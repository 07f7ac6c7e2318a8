import { join } from "node:path";
import { pluginConformance } from "@pointsman/plugin-testkit/vitest";

// The recorded traffic of the kit has one profile, `default`.
const whole = [{ profiles: { decode: "default" } }, { decodeProfile: "default", stageOrder: "PREFILL_FIRST" }];
const twoForms = { profiles: { decode: "default" }, deciderPluginName: "d" };
const needless = { stageOrder: "prefill-first", deciders: { prefill: "d" } };

pluginConformance(join(import.meta.dirname, ".."), {
  numRuns: 20,
  types: {
    "disagg-profile-handler": { validConfigs: whole, invalidConfigs: [{ stageOrder: "bogus" }, twoForms, needless] },
    "pd-profile-handler": {
      validConfigs: [{ decodeProfile: "default" }],
      invalidConfigs: [{ primaryPort: -10 }, { primaryPort: 65_536 }],
    },
    "data-parallel-profile-handler": { invalidConfigs: [{ primaryPort: -1 }, { primaryPort: 65_536 }] },
    "header-profile-handler": { headers: ["epp-profile"] },
  },
});
