import { readFileSync } from "node:fs";
import { join } from "node:path";
import { withPlaces, withVariables } from "@pointsman/config";
import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import { checkApiRange, validateConfig } from "@pointsman/plugin-host";
import type { PickerConfig } from "../load-picker-config.ts";

/** Checks API ranges, and the parameters of every instance with the schema files of the packages; runs no plugin code. */
export function checkShape({ config, catalogue, document, pathOf }: PickerConfig): readonly Diagnostic[] {
  const problems = config.plugins.flatMap((entry): readonly Diagnostic[] => {
    const located = entry.package === undefined ? catalogue.find(entry.type) : undefined;
    if (located === undefined) return [];
    const path = pathOf(entry);
    const details = { origin: entry.name, ...(path === undefined ? {} : { path: [...path, "parameters"] }) };
    const mismatch = checkApiRange(located.package, details);
    if (mismatch?.severity === "error") return [mismatch];
    const { configSchema } = located.manifest;
    const schema = configSchema === undefined ? undefined : readSchema(join(located.package.dir, configSchema));
    if (typeof schema === "string") {
      return [diagnostic("POINTSMAN_PLUGIN_CONFIG_SCHEMA_INVALID", schema, { ...details, severity: "warning" })];
    }
    const validated = validateConfig(schema, entry.parameters, entry.name, details);
    return "diagnostics" in validated ? validated.diagnostics : [];
  });
  return withVariables(withPlaces(problems, document), document.source);
}

/** The schema, or a sentence that says why there is none. */
function readSchema(file: string): Readonly<Record<string, unknown>> | string {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    return `The schema ${file} cannot be read: ${(error as Error).message}`;
  }
}
