import type { EndpointPickerConfig, JsonObject } from "@pointsman/config";

/** Which cluster, and what in it, the flags and the environment name. */
export interface KubernetesLocation {
  readonly poolGroup: string;
  /** Absolute path. */
  readonly kubeconfig?: string;
  readonly namespace?: string;
  /** Instead of an InferencePool; with {@link targetPorts}. */
  readonly selector?: string;
  readonly targetPorts?: readonly number[];
}

/**
 * Where the configuration names no discovery: the pool, or the selector, of the cluster. What the configuration says
 * itself stays.
 */
export function addKubernetes(
  config: EndpointPickerConfig,
  location: KubernetesLocation | undefined,
): EndpointPickerConfig {
  if (location === undefined || config.dataLayer.discovery !== undefined) return config;
  const { kubeconfig, namespace, poolGroup, selector, targetPorts } = location;
  const cluster: JsonObject = {
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(namespace === undefined ? {} : { namespace }),
  };
  const what: JsonObject = selector === undefined ? { poolGroup } : { selector, targetPorts: [...(targetPorts ?? [])] };
  const name = "kubernetes";
  // Objects refer to a pool; with a bare selector there is none.
  const objects = selector === undefined ? ["kubernetes-objective", "kubernetes-model-rewrite"] : [];
  const missing = objects.filter((type) => !config.plugins.some((plugin) => plugin.type === type));
  return {
    ...config,
    plugins: [
      ...config.plugins,
      { name, type: "kubernetes-discovery", parameters: { ...cluster, ...what } },
      ...missing.map((type) => ({ name: type, type, parameters: { ...cluster, poolGroup } })),
    ],
    dataLayer: { ...config.dataLayer, discovery: { pluginRef: name } },
  };
}
