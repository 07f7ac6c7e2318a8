import { defineAttribute } from "@pointsman/plugin-api";

/** Annotations of the pod an endpoint belongs to. Without `kubectl`'s copy of the manifest; at most 16 KiB of them. */
export const PodAnnotations = defineAttribute<Readonly<Record<string, string>>>({
  id: "pointsman/pod-annotations",
  major: 1,
  kind: "json",
  unit: "names",
  maxAgeMs: Number.POSITIVE_INFINITY,
  description: "Annotations of the pod that the endpoint belongs to.",
});
