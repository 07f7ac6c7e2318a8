import { join } from "node:path";
import { pluginConformance } from "@pointsman/plugin-testkit/vitest";

pluginConformance(join(import.meta.dirname, ".."), {
  validConfigs: [{}, { k: 1 }],
  invalidConfigs: [{ k: 0 }, { k: 1.5 }, { K: 1 }],
});
