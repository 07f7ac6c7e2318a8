import { join } from "node:path";
import { pluginConformance } from "@pointsman/plugin-testkit/vitest";

pluginConformance(join(import.meta.dirname, ".."), { numRuns: 40 });
