import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import type { ConfigSource } from "../source.ts";
import { composeConfig } from "./compose-config.ts";
import { type EnvironmentSettings, readSettings } from "./read-settings.ts";
import { renderYaml } from "./render-yaml.ts";
import { reportUnknown } from "./unknown-variables.ts";
import { createVariableReader, type Variables, variableNote } from "./variable-reader.ts";
import { hubToken, switchNames, variableNames } from "./variables.ts";

/** What the environment variables of the first llm-d amount to. */
export interface TranslatedEnvironment {
  /** The configuration as commented YAML; its secrets stand beside the text, not in it. */
  readonly source: ConfigSource;
  readonly settings: EnvironmentSettings;
  readonly diagnostics: readonly Diagnostic[];
}

/** Whether variables configure the picker: one of the switches is set, be it to `false`. */
export function isConfiguredBy(variables: Variables): boolean {
  return Object.keys(variables).some((name) => switchNames.has(name) && variables[name] !== undefined);
}

/**
 * Translates the variables `ENABLE_…`, `PREFILL_…`, `PD_…` and their kin into the configuration that does the same.
 * Pure. Diagnostics name the variables, and never the value of one that holds a secret.
 *
 * @param folder absolute; what relative paths of the configuration count from
 */
export function translateEnvironment(variables: Variables, folder: string): TranslatedEnvironment {
  const reader = createVariableReader(variables);
  const settings = readSettings(reader);
  reportUnknown(variables, reader);
  const { text, origins, secrets } = renderYaml(composeConfig(settings));
  const source: ConfigSource = {
    from: "environment",
    name: "the environment",
    text,
    folder,
    root: [],
    origins,
    secrets,
  };
  return { source, settings, diagnostics: reader.diagnostics() };
}

/**
 * What to say about variables that do not configure the picker, because `source` does: those of llm-d are ignored, and
 * misspelt ones are told where nothing but them could have been meant.
 */
export function unusedVariables(variables: Variables, source: ConfigSource): readonly Diagnostic[] {
  const ignored = Object.keys(variables).filter((name) => variableNames.has(name) && name !== hubToken);
  const reader = createVariableReader(variables);
  if (source.from === "default") reportUnknown(variables, reader);
  if (ignored.length === 0) return reader.diagnostics();
  const why =
    source.from === "default" ? "none of them switches anything on" : `the configuration is ${source.name}, which wins`;
  const message = `Environment variables have no effect: ${why}. Ignored: ${ignored.sort().join(", ")}.`;
  const details = { notes: ignored.map(variableNote) };
  return [diagnostic("POINTSMAN_ENV_IGNORED", message, details), ...reader.diagnostics()];
}
