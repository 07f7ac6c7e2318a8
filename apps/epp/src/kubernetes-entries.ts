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
  return {
    ...config,
    plugins: [...config.plugins, { name, type: "kubernetes-discovery", parameters: { ...cluster, ...what } }],
    dataLayer: { ...config.dataLayer, discovery: { pluginRef: name } },
  };
}
