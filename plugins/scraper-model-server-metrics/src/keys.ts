/** Attributes this package defines, for plugins that read them. No side effects. */
import { defineAttribute } from "@pointsman/plugin-api";

/**
 * The metrics named under `customMetrics` of the engine that the endpoint runs, by their `attributeKey`; those that the
 * page had. The object is replaced, never changed.
 */
export const CustomMetrics = defineAttribute<Readonly<Record<string, number>>>({
  id: "pointsman/custom-metrics",
  major: 1,
  kind: "json",
  unit: "1",
  maxAgeMs: 2_000,
  description: "Numbers of the model server that the config names, by attribute key.",
});
