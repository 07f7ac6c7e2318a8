import { isDeepStrictEqual } from "node:util";
import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import { validateConfig } from "@pointsman/plugin-host";
import type { DefinedPackage, Definition } from "./load-definitions.ts";

interface Key {
  readonly key: string;
}

/** Keys, or what chooses them by the config, whose type is not known here. */
type Reads = readonly Key[] | ((config: unknown) => readonly Key[]) | undefined;

/**
 * Says where a manifest and the code differ: types, aliases, description, keys, stability, deprecation, and whether
 * there is a schema. What `setup` returns is not looked at. Where `reads` is a function of the config, the manifest
 * lists at least what the default config reads.
 */
export function compareManifest({ package: { name, manifest }, definitions }: DefinedPackage): readonly Diagnostic[] {
  const declared = new Set(Object.keys(manifest.types));
  const missing = [...declared].filter((type) => !definitions.some((definition) => definition.type === type));
  return [
    ...missing.map((type) => {
      const message = `${name} declares the type "${type}" in its manifest, but does not export it.`;
      return diagnostic("POINTSMAN_PLUGIN_TYPE_MISSING", message, { origin: name });
    }),
    ...definitions.flatMap((definition) => {
      const described = manifest.types[definition.type];
      if (described === undefined) {
        const message = `${name} defines the type "${definition.type}", which its manifest does not declare.`;
        return [diagnostic("POINTSMAN_PLUGIN_TYPE_UNDECLARED", message, { origin: name })];
      }
      return differences(definition, described).map((difference) => {
        const message = `The manifest of ${name} differs from its code: types.${definition.type}.${difference}`;
        return diagnostic("POINTSMAN_PLUGIN_MANIFEST_INVALID", message, { origin: name });
      });
    }),
  ];
}

type TypeManifest = DefinedPackage["package"]["manifest"]["types"][string];

function* differencesOf(code: Definition, manifest: TypeManifest): Generator<string> {
  const aliases = [...(code.aliases ?? [])];
  yield* sameSet("aliases", manifest.aliases, aliases);
  yield* sameSet("writes", manifest.writes, keysOf(code.writes));
  const required = manifest.reads?.required ?? [];
  const optional = manifest.reads?.optional ?? [];
  if (typeof code.reads === "function" || typeof code.readsOptional === "function") {
    const all = new Set([...required, ...optional]);
    const lacking = readsByDefault(code).filter((key) => !all.has(key));
    if (lacking.length > 0) yield `reads lacks ${lacking.join(", ")}.`;
  } else {
    yield* sameSet("reads.required", required, keysOf(code.reads));
    yield* sameSet("reads.optional", optional, keysOf(code.readsOptional));
  }
  const stability = code.stability ?? "beta";
  if ((manifest.stability ?? "beta") !== stability) {
    yield `stability is ${manifest.stability ?? "absent"}, the code says ${stability}.`;
  }
  if (!isDeepStrictEqual({ ...manifest.deprecated }, { ...code.deprecated })) {
    yield `deprecated is ${shown(manifest.deprecated)}, the code says ${shown(code.deprecated)}.`;
  }
  if (
    manifest.description !== undefined &&
    code.description !== undefined &&
    manifest.description !== code.description
  ) {
    yield `description is ${shown(manifest.description)}, the code says ${shown(code.description)}.`;
  }
  if (code.config === undefined && manifest.configSchema !== undefined) {
    yield `configSchema is ${manifest.configSchema}, but the type takes no parameters.`;
  }
  if (code.config !== undefined && manifest.configSchema === undefined) {
    yield `configSchema is absent; write "./schema/${code.type}.json".`;
  }
}

function differences(code: Definition, manifest: TypeManifest): readonly string[] {
  return [...differencesOf(code, manifest)];
}

function* sameSet(member: string, manifest: readonly string[] = [], code: readonly string[]): Generator<string> {
  if (isDeepStrictEqual(new Set(manifest), new Set(code))) return;
  yield `${member} is [${manifest.join(", ")}], the code says [${code.join(", ")}].`;
}

/** What it reads with default options; only what does not depend on them when some option has no default. */
function readsByDefault(code: Definition): readonly string[] {
  const validated = validateConfig(code.config, {}, code.type, {});
  return [code.reads as Reads, code.readsOptional as Reads].flatMap((reads) => {
    if (typeof reads !== "function") return keysOf(reads);
    return "config" in validated ? keysOf(reads(validated.config)) : [];
  });
}

function keysOf(keys: readonly Key[] = []): readonly string[] {
  return keys.map(({ key }) => key);
}

function shown(value: unknown): string {
  return value === undefined ? "absent" : JSON.stringify(value);
}
