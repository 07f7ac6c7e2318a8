import { z } from "zod";

/** Options of plugins that follow the objects of a pool; the parts stand in this order in each of them. */

/** Which pool the objects refer to, and where they are. */
export function poolFields(group = "inference.networking.k8s.io", groupMeaning = "API group of the pool.") {
  return {
    poolName: name.optional().describe("Objects of this pool count. Default: the name given with `--pool-name`."),
    poolGroup: name.default(group).describe(groupMeaning),
    namespace: name.optional().describe("Default: that of the kubeconfig's context or of the own pod."),
  };
}

/** Whether what is thought of an object is written into it. */
export const statusFields = {
  reportStatus: z
    .boolean()
    .default(true)
    .describe("Write the condition Accepted into the objects, where it is allowed."),
};

/** Which cluster it is. */
export const clusterFields = {
  kubeconfig: z.string().min(1).optional().describe("Path of a kubeconfig. Default: the pod's, or `KUBECONFIG`."),
  context: z.string().min(1).optional().describe("Context of the kubeconfig. Default: its current one."),
};

const name = z.string().min(1).max(253);
