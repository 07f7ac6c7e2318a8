import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import type { DataKey } from "@pointsman/plugin-api";
import type { PathOf, PluginEntry } from "../plugin-entry.ts";

/** What one instance reads and writes. */
export interface DataFlow {
  readonly entry: PluginEntry;
  readonly required: readonly DataKey[];
  readonly optional: readonly DataKey[];
  readonly writes: readonly DataKey[];
}

/** A required key without a writer, and the plugin type that could write it. */
export interface MissingWriter {
  readonly reader: DataFlow;
  readonly key: DataKey;
}

/**
 * Checks that every key is written by exactly one instance, or by the one its reader chose.
 * Required keys without a writer are returned: the host may add their default producer.
 */
export function checkDataFlow(
  flows: readonly DataFlow[],
  pathOf: PathOf,
): { readonly missing: readonly MissingWriter[]; readonly diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const missing: MissingWriter[] = [];
  const writers = new Map<string, DataFlow[]>();
  for (const flow of flows) {
    for (const { key } of flow.writes) {
      const list = writers.get(key);
      if (list === undefined) writers.set(key, [flow]);
      else if (!list.includes(flow)) list.push(flow);
    }
  }
  diagnostics.push(...checkKinds(flows, pathOf));
  for (const flow of flows) {
    const path = pathOf(flow.entry);
    const details = { origin: flow.entry.name, ...(path === undefined ? {} : { path }) };
    for (const key of [...flow.required, ...flow.optional]) {
      const chosen = chosenWriter(key);
      const candidates = writers.get(key.key) ?? [];
      if (chosen !== undefined) {
        if (candidates.some(({ entry }) => entry.name === chosen)) continue;
        const message = `${flow.entry.name} wants ${key.key} from "${chosen}", which does not write it.`;
        const names = candidates.map(({ entry }) => ({ label: "written by", text: entry.name }));
        diagnostics.push(diagnostic("POINTSMAN_GRAPH_REFERENCE_UNKNOWN", message, { ...details, notes: names }));
      } else if (candidates.length > 1) {
        const message = `${flow.entry.name} reads ${key.key}, which several instances write.`;
        const names = candidates.map(({ entry }) => ({ label: "written by", text: entry.name }));
        diagnostics.push(diagnostic("POINTSMAN_GRAPH_TWO_WRITERS", message, { ...details, notes: names }));
      } else if (candidates.length === 0 && flow.required.includes(key)) {
        missing.push({ reader: flow, key });
      }
    }
  }
  return { missing, diagnostics };
}

/** The instance a reader chose with `from()`. */
function chosenWriter(key: DataKey): string | undefined {
  if (key.$$type !== "pointsman/attribute" || key.source === key.key) return undefined;
  return key.source.slice(key.key.length + 1);
}

function checkKinds(flows: readonly DataFlow[], pathOf: PathOf): Diagnostic[] {
  const kinds = new Map<string, { readonly kind: string; readonly by: string }>();
  const diagnostics: Diagnostic[] = [];
  for (const { entry, required, optional, writes } of flows) {
    for (const key of [...required, ...optional, ...writes]) {
      const kind = key.$$type === "pointsman/attribute" ? `${key.kind} per ${key.scope}` : "request key";
      const known = kinds.get(key.key);
      if (known === undefined) kinds.set(key.key, { kind, by: entry.name });
      else if (known.kind !== kind) {
        const message = `${key.key} is "${known.kind}" for ${known.by} and "${kind}" for ${entry.name}.`;
        const path = pathOf(entry);
        const details = { origin: entry.name, ...(path === undefined ? {} : { path }) };
        diagnostics.push(diagnostic("POINTSMAN_GRAPH_ATTRIBUTE_KIND_CONFLICT", message, details));
      }
    }
  }
  return diagnostics;
}
