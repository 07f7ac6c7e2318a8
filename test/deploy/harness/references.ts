import { type Container, containersOf, type KubernetesObject } from "./render.ts";

/**
 * References of a set of objects that lead nowhere within it, in words. What a value set names on purpose as being there
 * already (secrets, service accounts, gateways) is passed in `given`, as `Kind/name`.
 */
export function danglingReferences(objects: readonly KubernetesObject[], given: readonly string[] = []): string[] {
  const exists = (kind: string, name: string): boolean =>
    given.includes(`${kind}/${name}`) || objects.some((each) => each.kind === kind && each.metadata.name === name);
  const complaints: string[] = [];
  const expectObject = (from: string, kind: string, name: string): void => {
    if (!exists(kind, name)) complaints.push(`${from}: no ${kind} ${name}`);
  };
  for (const object of objects) {
    const at = `${object.kind} ${object.metadata.name}`;
    if (object.kind === "Deployment") complaints.push(...ofPod(object, at, expectObject));
    if (object.kind === "Service") complaints.push(...ofService(object, at, objects));
    if (object.kind === "ServiceMonitor") complaints.push(...ofServiceMonitor(object, at, objects));
    if (object.kind === "InferencePool") {
      const { name, port } = object["spec"].endpointPickerRef;
      const service = objects.find((each) => each.kind === "Service" && each.metadata.name === name);
      const ports: { port: number }[] = service?.["spec"].ports ?? [];
      if (!ports.some((each) => each.port === port.number)) complaints.push(`${at}: no port ${port.number} of ${name}`);
    }
    if (object.kind === "InferenceObjective") expectObject(at, "InferencePool", object["spec"].poolRef.name);
    if (object.kind === "HTTPRoute") {
      for (const { kind, name } of object["spec"].rules[0].backendRefs) expectObject(at, kind, name);
      for (const { name } of object["spec"].parentRefs) expectObject(at, "Gateway", name);
    }
    if (object.kind === "RoleBinding" || object.kind === "ClusterRoleBinding") {
      expectObject(at, object["roleRef"].kind, object["roleRef"].name);
      for (const { kind, name } of object["subjects"]) expectObject(at, kind, name);
    }
    if (object.kind === "HorizontalPodAutoscaler") expectObject(at, "Deployment", object["spec"].scaleTargetRef.name);
    if (object.kind === "PodDisruptionBudget" && selected(object["spec"].selector.matchLabels, objects).length === 0) {
      complaints.push(`${at}: selects no pod`);
    }
  }
  return complaints;
}

function ofPod(
  object: KubernetesObject,
  at: string,
  expectObject: (from: string, kind: string, name: string) => void,
): string[] {
  const { template, selector } = object["spec"];
  const pod = template.spec;
  const complaints: string[] = [];
  for (const [label, value] of Object.entries(selector.matchLabels)) {
    if (template.metadata.labels[label] !== value) complaints.push(`${at}: its pods lack the label ${label}`);
  }
  expectObject(at, "ServiceAccount", pod.serviceAccountName ?? "default");
  for (const { name } of pod.imagePullSecrets ?? []) expectObject(at, "Secret", name);
  const volumes = new Set<string>();
  for (const { name, configMap, secret } of pod.volumes ?? []) {
    if (volumes.has(name)) complaints.push(`${at}: two volumes ${name}`);
    volumes.add(name);
    if (configMap !== undefined) expectObject(at, "ConfigMap", configMap.name);
    if (secret !== undefined) expectObject(at, "Secret", secret.secretName);
  }
  const mounted = new Set<string>();
  const open = containersOf(object).flatMap(({ ports = [] }) => ports.map(({ containerPort }) => containerPort));
  for (const each of containersOf(object)) {
    for (const { name } of each.volumeMounts ?? []) {
      mounted.add(name);
      if (!volumes.has(name)) complaints.push(`${at}, ${each.name}: no volume ${name}`);
    }
    complaints.push(...ofProbes(each, `${at}, ${each.name}`, open));
  }
  for (const name of volumes) if (!mounted.has(name)) complaints.push(`${at}: nobody mounts ${name}`);
  return complaints;
}

/** @param open ports of all containers: by number a probe may ask a neighbour, by name only its own container */
function ofProbes({ ports = [], ...container }: Container, at: string, open: readonly number[]): string[] {
  return ["startupProbe", "livenessProbe", "readinessProbe"].flatMap((probe) => {
    const { grpc, tcpSocket, httpGet } = container[probe] ?? {};
    const port = (grpc ?? tcpSocket ?? httpGet)?.port;
    if (port === undefined || open.includes(port) || ports.some(({ name }) => port === name)) return [];
    return [`${at}: ${probe} asks port ${port}, which nobody opens`];
  });
}

function ofService(object: KubernetesObject, at: string, objects: readonly KubernetesObject[]): string[] {
  const { selector, ports } = object["spec"];
  const pods = selected(selector, objects);
  // A Service of the model servers' pods, which are not ours.
  if (pods.length === 0) return object["spec"].clusterIP === "None" ? [] : [`${at}: selects no pod`];
  const open = pods.flatMap((pod) => containersOf(pod).flatMap((each) => each.ports ?? []));
  return (ports as { targetPort: string | number }[]).flatMap(({ targetPort }) =>
    open.some(({ name, containerPort }) => targetPort === name || targetPort === containerPort)
      ? []
      : [`${at}: no port ${targetPort} in its pods`],
  );
}

function ofServiceMonitor(object: KubernetesObject, at: string, objects: readonly KubernetesObject[]): string[] {
  const { selector, endpoints } = object["spec"];
  const services = objects.filter(
    ({ kind, metadata }) => kind === "Service" && covers(metadata.labels ?? {}, selector.matchLabels),
  );
  return (endpoints as { port: string }[]).flatMap(({ port }) =>
    services.filter(({ spec }) => (spec.ports as { name: string }[]).some(({ name }) => name === port)).length === 1
      ? []
      : [`${at}: not one Service with a port ${port}`],
  );
}

/** Deployments whose pods have these labels. */
function selected(labels: Readonly<Record<string, string>>, objects: readonly KubernetesObject[]): KubernetesObject[] {
  return objects.filter(({ kind, spec }) => kind === "Deployment" && covers(spec.template.metadata.labels, labels));
}

function covers(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}
