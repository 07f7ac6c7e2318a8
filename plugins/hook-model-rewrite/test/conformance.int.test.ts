import { join } from "node:path";
import { pluginConformance } from "@pointsman/plugin-testkit/vitest";

// An API server that is away must not keep a picker from starting.
const kubeconfig = join(import.meta.dirname, "fixtures", "unreachable.kubeconfig");

pluginConformance(join(import.meta.dirname, ".."), {
  numRuns: 40,
  types: {
    "kubernetes-model-rewrite": { validConfigs: [{ kubeconfig }] },
    "kubernetes-inference-model": { validConfigs: [{ kubeconfig }] },
  },
});
