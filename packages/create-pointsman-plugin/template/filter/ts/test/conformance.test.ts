import { join } from "node:path";
import { pluginConformance } from "@pointsman/plugin-testkit/vitest";

pluginConformance(join(import.meta.dirname, ".."), {
  validConfigs: [{}, { minFree: 0.25 }],
  invalidConfigs: [{ minFree: 1.5 }, { minFree: "0.25" }, { minfree: 0.25 }],
});
