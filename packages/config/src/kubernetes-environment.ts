/** What the environment says about a Kubernetes cluster around the process. */
export interface KubernetesEnvironment {
  /** In a pod with a service account, or told of a kubeconfig by `KUBECONFIG`. */
  readonly present: boolean;
  /** `NAMESPACE`, as llm-d reads it. */
  readonly namespace: string | undefined;
  /** `POD_NAME`, else `HOSTNAME`: who this replica is among others. */
  readonly podName: string | undefined;
}

/** Reads it. @param env the process's environment unless a test says otherwise */
export function readKubernetesEnvironment(
  env: Readonly<Record<string, string | undefined>> = process.env,
): KubernetesEnvironment {
  const given = (name: string): string | undefined => (env[name] === "" ? undefined : env[name]);
  return {
    present: given("KUBERNETES_SERVICE_HOST") !== undefined || given("KUBECONFIG") !== undefined,
    namespace: given("NAMESPACE"),
    podName: given("POD_NAME") ?? given("HOSTNAME"),
  };
}
