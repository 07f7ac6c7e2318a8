import { type Cluster, Contact, openCluster, type Resource } from "@pointsman/kubernetes-client";
import { core, definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";

import { PodAnnotations } from "./keys.ts";
import { PoolDiscovery } from "./pool-discovery.ts";
import { Publisher } from "./publisher.ts";

/** Groups of InferencePool that we know, each in the version in which it exists. */
const poolVersions: Readonly<Record<string, string>> = {
  "inference.networking.k8s.io": "v1",
  "inference.networking.x-k8s.io": "v1alpha2",
};

const name = z.string().min(1).max(253);

const config = z
  .strictObject({
    poolName: name.optional().describe("InferencePool to serve. Default: the name given with `--pool-name`."),
    namespace: name
      .optional()
      .describe("Namespace of the pool and its pods. Default: that of the kubeconfig's context or of the own pod."),
    poolGroup: name.default("inference.networking.k8s.io").describe("API group of the InferencePool."),
    poolVersion: name
      .optional()
      .describe("Its version. Default: v1, and v1alpha2 in the group inference.networking.x-k8s.io."),
    selector: z
      .string()
      .min(1)
      .optional()
      .describe("Label selector of the pods, as `kubectl -l` takes it. With it no InferencePool is looked for."),
    targetPorts: z
      .array(z.number().int().min(1).max(65_535))
      .min(1)
      .max(8)
      .optional()
      .describe("Ports of each pod, each an endpoint of its own; only with `selector`."),
    kubeconfig: z
      .string()
      .min(1)
      .optional()
      .describe("Path of a kubeconfig. Default: the service account of the pod, or `KUBECONFIG`."),
    context: z.string().min(1).optional().describe("Context of the kubeconfig. Default: its current one."),
    pauseMs: z
      .number()
      .int()
      .min(0)
      .max(5_000)
      .default(100)
      .describe("Shortest time between two changes of the pool while pods come and go."),
  })
  .refine(({ selector, targetPorts }) => (selector === undefined) === (targetPorts === undefined), {
    path: ["targetPorts"],
    message: "selector and targetPorts belong together",
  })
  .refine(({ selector, poolName }) => selector === undefined || poolName === undefined, {
    path: ["selector"],
    message: "selector and poolName exclude each other",
  });

/** Endpoints from the pods of an InferencePool, or of a label selector, followed by list and watch. */
export const kubernetesDiscovery = definePlugin({
  type: "kubernetes-discovery",
  description: "Endpoints from the pods of an InferencePool, or of a label selector",
  stability: "beta",
  config,
  needs: {
    attributes: core.attributes,
    clock: core.clock,
    log: core.logger,
    metrics: core.metrics,
    random: core.random,
  },
  writes: [PodAnnotations],
  setup({ config, instance, needs, onStop }) {
    let discovery: PoolDiscovery | undefined;
    let cluster: Cluster | undefined;
    onStop(() => cluster?.close());
    return {
      ready: () => discovery?.known ?? false,
      discovery: {
        async discover(sink, signal) {
          signal.throwIfAborted();
          cluster = await openCluster({ kubeconfig: config.kubeconfig, context: config.context });
          signal.throwIfAborted();
          const { attributes, clock, log, random } = needs;
          const namespace = config.namespace ?? cluster.namespace ?? "default";
          const contact = new Contact(needs);
          const publisher = new Publisher({ sink, attributes, clock, log, signal, pauseMs: config.pauseMs });
          discovery = new PoolDiscovery({ cluster, namespace, contact, publisher, clock, log, random, signal });
          const { selector, targetPorts } = config;
          if (selector !== undefined && targetPorts !== undefined) {
            log.info("looking for pods", { server: cluster.server, namespace, selector });
            discovery.followSelector({ labelSelector: selector, targetPorts: [...new Set(targetPorts)] });
          } else {
            const pool = config.poolName ?? instance.pool;
            const version = config.poolVersion ?? poolVersions[config.poolGroup] ?? "v1";
            const resource: Resource = { group: config.poolGroup, version, plural: "inferencepools", namespace };
            log.info("looking for the pool", { server: cluster.server, namespace, pool, group: config.poolGroup });
            discovery.followPool(resource, pool);
          }
          await discovery.first;
        },
      },
    };
  },
});
