import type { ConfigPath } from "@pointsman/diagnostics";
import type { JsonValue } from "../model.ts";
import type { Origin, TracedConfig, TracedParameter, TracedPlugin } from "./compose-config.ts";

/** The YAML of a traced configuration, without secrets. */
export interface RenderedConfig {
  readonly text: string;
  /** The variable of each path that has one. */
  readonly origins: readonly { readonly path: ConfigPath; readonly variable: string }[];
  /** What the text does not show: the values that belong to these paths. */
  readonly secrets: readonly { readonly path: ConfigPath; readonly value: JsonValue }[];
}

const commentColumn = 52;

/** Writes the configuration, each line with a comment that says which variable it is from. */
export function renderYaml(config: TracedConfig): RenderedConfig {
  const lines: string[] = [];
  const origins: { path: ConfigPath; variable: string }[] = [];
  const secrets: { path: ConfigPath; value: JsonValue }[] = [];
  const line = (text: string, origin: Origin, path?: ConfigPath, note?: string): void => {
    if (origin !== undefined && path !== undefined) origins.push({ path, variable: origin.variable });
    const comment = note === undefined ? commentOf(origin) : `${commentOf(origin)}; ${note}`;
    lines.push(`${text.padEnd(commentColumn)} # ${comment}`);
  };

  const parameters = (plugin: TracedPlugin, at: ConfigPath): void => {
    if (plugin.parameters.length === 0) return;
    line("    parameters:", plugin.origin, [...at, "parameters"]);
    let open: readonly string[] = [];
    for (const [keys, parameter] of plugin.parameters) {
      const outer = keys.slice(0, -1);
      outer.forEach((key, depth) => {
        if (open[depth] !== key) line(`${indent(depth)}${key}:`, plugin.origin);
      });
      open = outer;
      const path = [...at, "parameters", ...keys];
      line(`${indent(outer.length)}${keys.at(-1)}: ${shown(parameter)}`, parameter.origin, path, parameter.note);
      if (parameter.shown !== undefined) secrets.push({ path, value: parameter.value });
    }
  };

  line("apiVersion: llm-d.ai/v1alpha1", undefined);
  line("kind: EndpointPickerConfig", undefined);
  line("plugins:", undefined);
  config.plugins.forEach((plugin, i) => {
    const at = ["plugins", i];
    if (plugin.name === plugin.type) line(`  - type: ${plugin.type}`, plugin.origin, at);
    else {
      line(`  - name: ${plugin.name}`, plugin.origin, at);
      line(`    type: ${plugin.type}`, plugin.origin);
    }
    parameters(plugin, at);
  });
  line("schedulingProfiles:", undefined);
  config.profiles.forEach((profile, i) => {
    const at = ["schedulingProfiles", i];
    line(`  - name: ${profile.name}`, profile.origin, at);
    line("    plugins:", profile.origin);
    profile.entries.forEach(({ pluginRef, origin, weight }, j) => {
      const entry = [...at, "plugins", j];
      line(`      - pluginRef: ${pluginRef}`, origin, entry);
      if (weight !== undefined) line(`        weight: ${weight.value}`, weight, [...entry, "weight"]);
    });
  });
  if (config.saturationDetector !== undefined) {
    const { pluginRef, origin } = config.saturationDetector;
    line("flowControl:", origin);
    line("  saturationDetector:", origin, ["saturationDetector"]);
    line(`    pluginRef: ${pluginRef}`, origin);
  }
  return { text: `${lines.join("\n")}\n`, origins, secrets };
}

function indent(depth: number): string {
  return " ".repeat(6 + 2 * depth);
}

function shown({ value, shown: masked }: TracedParameter): string {
  const text = masked ?? value;
  return typeof text === "string" && /^[a-z][a-z0-9-]*$/.test(text) ? text : JSON.stringify(text);
}

function commentOf(origin: Origin): string {
  if (origin === undefined) return "always";
  return origin.isDefault ? `default of ${origin.variable}` : origin.variable;
}
