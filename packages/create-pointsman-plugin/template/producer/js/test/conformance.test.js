import { join } from "node:path";
import { pluginConformance } from "@pointsman/plugin-testkit/vitest";

pluginConformance(join(import.meta.dirname, ".."), {
  validConfigs: [{}, { mediumFrom: 10, longFrom: 20 }],
  invalidConfigs: [{ mediumFrom: 0 }, { longFrom: "20" }, { long: 20 }],
});
