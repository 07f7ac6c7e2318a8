import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import type { PluginPackage } from "@pointsman/plugin-host";
import { isSchemaObject, type SchemaObject } from "../docs/json-schema.ts";
import { isInside } from "./is-inside.ts";

/** The schema file that a package ships for a type. Both absent: the type takes no parameters. */
export interface ShippedSchema {
  readonly schema?: SchemaObject;
  /** A warning: without the file, only the plugin itself knows what it takes. */
  readonly problem?: Diagnostic;
}

/** Reads the schema of a type's parameters. Never throws. */
export function loadShippedSchema({ name, dir, manifest }: PluginPackage, type: string): ShippedSchema {
  const declared = manifest.types[type]?.configSchema;
  if (declared === undefined) return {};
  const path = resolve(dir, declared);
  if (!isInside(dir, path)) return { problem: unreadable(name, type, `${declared} is not inside the package`) };
  try {
    const schema: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (isSchemaObject(schema)) return { schema };
    return { problem: unreadable(name, type, `${path} is no JSON Schema`) };
  } catch (cause) {
    return { problem: unreadable(name, type, cause instanceof Error ? cause.message : String(cause)) };
  }
}

function unreadable(name: string, type: string, why: string): Diagnostic {
  const message = `The schema of ${type} cannot be read: ${why}.`;
  return diagnostic("POINTSMAN_PLUGIN_CONFIG_SCHEMA_INVALID", message, { origin: name, severity: "warning" });
}
