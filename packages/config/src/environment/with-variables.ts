import type { ConfigPath, Diagnostic } from "@pointsman/diagnostics";
import type { EndpointPickerConfig } from "../model.ts";
import type { ConfigSource } from "../source.ts";
import { variableNote } from "./variable-reader.ts";

/** The same diagnostics; where their path comes from an environment variable, a note names it. */
export function withVariables(diagnostics: readonly Diagnostic[], { origins }: ConfigSource): readonly Diagnostic[] {
  if (origins === undefined) return diagnostics;
  return diagnostics.map((item) => {
    const variable = item.path === undefined ? undefined : variableAt(item.path, origins);
    if (variable === undefined || item.notes?.some(({ label }) => label === "variable") === true) return item;
    return Object.freeze({ ...item, notes: [variableNote(variable), ...(item.notes ?? [])] });
  });
}

/** The variable of the longest path that the given one begins with. */
function variableAt(path: ConfigPath, origins: NonNullable<ConfigSource["origins"]>): string | undefined {
  let found: { path: ConfigPath; variable: string } | undefined;
  for (const origin of origins) {
    const isPrefix = origin.path.every((part, i) => part === path[i]);
    if (isPrefix && (found === undefined || origin.path.length >= found.path.length)) found = origin;
  }
  return found?.variable;
}

/** The configuration with the values that its text does not show. */
export function withSecrets(config: EndpointPickerConfig, { secrets }: ConfigSource): EndpointPickerConfig {
  if (secrets === undefined || secrets.length === 0) return config;
  const copy = structuredClone(config);
  for (const { path, value } of secrets) {
    let parent = copy as unknown as Record<string | number, unknown>;
    for (const part of path.slice(0, -1)) parent = parent[part] as Record<string | number, unknown>;
    parent[path.at(-1)!] = value;
  }
  return copy;
}
