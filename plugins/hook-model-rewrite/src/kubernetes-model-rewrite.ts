import { clusterFields, PoolObjects, poolFields, statusFields } from "@pointsman/kubernetes-client";
import { core, definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";
import { parseRewrite, type RewriteObject, rulesOf } from "./parse-rewrite.ts";
import { RewriteRules } from "./rewrite-rules.ts";

const config = z.strictObject({ ...poolFields(), ...statusFields, ...clusterFields });

/** Which model is asked for, by the InferenceModelRewrite objects of the pool. */
export const kubernetesModelRewrite = definePlugin({
  type: "kubernetes-model-rewrite",
  description: "Rewrites the model of requests by the InferenceModelRewrite objects of the pool",
  stability: "beta",
  config,
  needs: { clock: core.clock, log: core.logger, metrics: core.metrics, random: core.random },
  setup({ config, instance, needs }) {
    let rules = new RewriteRules([]);
    const objects = new PoolObjects<RewriteObject>({
      cluster: { kubeconfig: config.kubeconfig, context: config.context },
      group: "llm-d.ai",
      version: "v1alpha2",
      plural: "inferencemodelrewrites",
      namespace: config.namespace,
      pool: { name: config.poolName ?? instance.pool, group: config.poolGroup },
      read: parseRewrite,
      reportStatus: config.reportStatus,
      needs,
      onChange: (items) => {
        rules = new RewriteRules(rulesOf(items.values()));
      },
    });
    return {
      start: () => objects.start(),
      stop: () => objects.stop(),
      preCall(request, controls) {
        const rewrite = rules.apply(request.model, () => request.random());
        if (rewrite !== undefined) controls.setTargetModel(rewrite.model, rewrite.rule);
      },
    };
  },
});
