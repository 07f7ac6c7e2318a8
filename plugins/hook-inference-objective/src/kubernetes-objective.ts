import { clusterFields, PoolObjects, poolFields, statusFields } from "@pointsman/kubernetes-client";
import { core, definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";
import { parseObjective } from "./parse-objective.ts";

/** Headers that name the objective; the first that is present counts. */
const OBJECTIVE_HEADER = "x-llm-d-inference-objective";
const OLD_OBJECTIVE_HEADER = "x-gateway-inference-objective";

const config = z.strictObject({
  ...poolFields(),
  group: z
    .enum(["llm-d.ai", "inference.networking.x-k8s.io"])
    .default("llm-d.ai")
    .describe("API group of the objectives; the second is the older one."),
  ...statusFields,
  ...clusterFields,
});

/** Sets the priority of requests from the InferenceObjective that they name. */
export const kubernetesObjective = definePlugin({
  type: "kubernetes-objective",
  description: "Sets the priority of requests from the InferenceObjective that they name",
  stability: "beta",
  config,
  needs: { clock: core.clock, log: core.logger, metrics: core.metrics, random: core.random },
  setup({ config, instance, needs }) {
    let priorities: ReadonlyMap<string, number> = new Map();
    const objects = new PoolObjects<number>({
      cluster: { kubeconfig: config.kubeconfig, context: config.context },
      group: config.group,
      version: "v1alpha2",
      plural: "inferenceobjectives",
      namespace: config.namespace,
      pool: { name: config.poolName ?? instance.pool, group: config.poolGroup },
      read: parseObjective,
      reportStatus: config.reportStatus,
      needs,
      onChange: (items) => {
        priorities = new Map(items);
      },
    });
    return {
      start: () => objects.start(),
      stop: () => objects.stop(),
      preCall(request, controls) {
        const objective = request.header(OBJECTIVE_HEADER) ?? request.header(OLD_OBJECTIVE_HEADER);
        const priority = objective === undefined ? undefined : priorities.get(objective);
        // Without one the priority stays what it is: 0, or what another plugin has set.
        if (priority !== undefined) controls.setPriority(priority);
      },
    };
  },
});
