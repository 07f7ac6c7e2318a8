import { join } from "node:path";
import type { FaultRow } from "../rows.ts";

const good = ["queue-scorer", "kv-cache-utilization-scorer", "active-request-scorer"];

/** A configuration of plugins that behave, and the offender among them when there is one. JSON is YAML. */
export function configFor(row: FaultRow | undefined, parameters: Readonly<Record<string, unknown>> = {}): string {
  const offender = row === undefined ? [] : [entryOf(row, parameters)];
  const roles = (role: FaultRow["role"]): string[] => (row?.role === role ? [row.plugin] : []);
  const picker = row?.role === "picker" ? row.plugin : "max-score-picker";
  const profile = [...roles("filter"), ...good, ...roles("scorer"), picker];
  return JSON.stringify({
    apiVersion: "llm-d.ai/v1alpha1",
    kind: "EndpointPickerConfig",
    plugins: [...good.map((type) => ({ type })), { type: "max-score-picker" }, ...offender],
    schedulingProfiles: [{ name: "default", plugins: profile.map((pluginRef) => ({ pluginRef })) }],
    ...(row?.role === "scraper" ? { dataLayer: { sources: [{ pluginRef: row.plugin }] } } : {}),
  });
}

function entryOf({ plugin, isolation, parameters }: FaultRow, more: Readonly<Record<string, unknown>>): object {
  const given = { ...parameters, ...more };
  return {
    type: plugin,
    package: join(import.meta.dirname, "..", "plugins", plugin),
    ...(isolation === undefined ? {} : { isolation }),
    ...(Object.keys(given).length === 0 ? {} : { parameters: given }),
  };
}
