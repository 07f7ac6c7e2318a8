import { join } from "node:path";
import { pluginConformance } from "@pointsman/plugin-testkit/vitest";

pluginConformance(join(import.meta.dirname, ".."), {
  numRuns: 40,
  types: {
    "prefix-based-pd-decider": {
      validConfigs: [{}, { nonCachedTokens: 1 }, { nonCachedTokens: 20, promptTokens: 10 }],
      invalidConfigs: [{ nonCachedTokens: -1 }, { promptTokens: -1 }],
    },
    "prompt-bytes-pd-decider": { validConfigs: [{}, { threshold: 0 }], invalidConfigs: [{ threshold: -1 }] },
  },
});
