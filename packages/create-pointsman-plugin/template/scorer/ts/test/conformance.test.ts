import { join } from "node:path";
import { pluginConformance } from "@pointsman/plugin-testkit/vitest";

pluginConformance(join(import.meta.dirname, ".."), {
  validConfigs: [{}, { full: 8 }],
  invalidConfigs: [{ full: 0 }, { full: "8" }, { fall: 8 }],
});
