import { join } from "node:path";
import { pluginConformance } from "@pointsman/plugin-testkit/vitest";

pluginConformance(join(import.meta.dirname, ".."), {
  validConfigs: [{}, { path: "/health", field: "busy", intervalMs: 100 }],
  invalidConfigs: [{ path: "load" }, { field: "" }, { intervalMs: 0 }, { interval: 100 }],
});
