import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PluginManifest } from "@pointsman/plugin-api";

export interface PackageJson {
  readonly name?: string;
  readonly version?: string;
  readonly exports?: unknown;
  readonly main?: unknown;
  readonly files?: unknown;
  readonly pointsman?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** @throws Error when there is no package.json, or it is no JSON object. */
export function readPackageJson(dir: string): PackageJson {
  const file = join(dir, "package.json");
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message.split("\n", 1)[0]}`);
  }
  if (typeof value !== "object" || value === null) throw new Error(`${file} is no JSON object`);
  return value as PackageJson;
}

/** Names of the types of a manifest that may be broken. */
export function typesOf({ pointsman }: PackageJson): Readonly<Record<string, unknown>> {
  const types = (pointsman as Partial<PluginManifest> | undefined)?.types;
  return typeof types === "object" && types !== null ? types : {};
}
