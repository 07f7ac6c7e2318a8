import { clusterFields, PoolObjects, poolFields } from "@pointsman/kubernetes-client";
import { core, definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";
import { InferenceModels } from "./inference-models.ts";
import { type InferenceModel, parseInferenceModel } from "./parse-inference-model.ts";

const config = z.strictObject({
  ...poolFields("inference.networking.x-k8s.io", "API group of the pool that they refer to."),
  ...clusterFields,
});

/** Model and priority by the historic InferenceModel objects of the pool. */
export const kubernetesInferenceModel = definePlugin({
  type: "kubernetes-inference-model",
  description: "Rewrites the model and sets the priority of requests by the historic InferenceModel objects",
  stability: "beta",
  config,
  needs: { clock: core.clock, log: core.logger, metrics: core.metrics, random: core.random },
  setup({ config, instance, needs }) {
    let models = new InferenceModels([]);
    const objects = new PoolObjects<InferenceModel>({
      cluster: { kubeconfig: config.kubeconfig, context: config.context },
      group: "inference.networking.x-k8s.io",
      version: "v1alpha2",
      plural: "inferencemodels",
      namespace: config.namespace,
      pool: { name: config.poolName ?? instance.pool, group: config.poolGroup },
      read: parseInferenceModel,
      // Whether one counts depends on the others, which cannot be said in the status of one object alone.
      reportStatus: false,
      needs,
      onChange: (items) => {
        const before = new Set(models.late);
        models = new InferenceModels(items.values());
        for (const late of models.late) {
          if (!before.has(late)) needs.log.warn(`InferenceModel "${late}" is left out: an older one has its modelName`);
        }
      },
    });
    return {
      start: () => objects.start(),
      stop: () => objects.stop(),
      preCall(request, controls) {
        const priority = models.priorityOf(request.model);
        if (priority === undefined) return;
        controls.setPriority(priority);
        const rewrite = models.rewriteOf(request.model, () => request.random());
        if (rewrite !== undefined) controls.setTargetModel(rewrite.model, rewrite.rule);
      },
    };
  },
});
