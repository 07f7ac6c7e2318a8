import { realpathSync } from "node:fs";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { LocatedType, PluginEntry } from "@pointsman/plugin-host";
import type { PickerConfig } from "../load-picker-config.ts";

/** A plugin package that code may belong to. */
export interface GuardedPackage {
  readonly name: string;
  /** Instances of its types. */
  readonly instances: readonly string[];
  /** Its folder, or the one file it consists of. */
  readonly path: string;
  readonly isFile: boolean;
}

/** The packages that a configuration names, found without running them. */
export async function packagesOfConfig({ config, catalogue }: PickerConfig): Promise<GuardedPackage[]> {
  const found = await Promise.all(
    config.plugins.map(async (entry) => ({ entry, location: await catalogue.locate(entry) })),
  );
  return packagesOf(
    found.flatMap(({ entry, location }) => ("located" in location ? { entry, located: location.located } : [])),
  );
}

/** The packages of instances. Those in worker threads are left out: their errors end there. */
export function packagesOf(
  instances: readonly { readonly entry: PluginEntry; readonly located: LocatedType }[],
): GuardedPackage[] {
  const packages = new Map<string, GuardedPackage>();
  for (const { entry, located } of instances) {
    if (entry.isolation === "worker") continue;
    const { name, dir, entry: file } = located.package;
    const path = realPath(located.derived ? (file ?? dir) : dir);
    const instances = [...(packages.get(path)?.instances ?? []), entry.name];
    packages.set(path, { name, instances, path, isFile: located.derived });
  }
  return [...packages.values()];
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** The package that the topmost frame in any package's files belongs to; undefined when there is none. */
export function offenderOf(error: unknown, packages: Iterable<GuardedPackage>): GuardedPackage | undefined {
  const known = [...packages];
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    for (const file of filesOfStack(at.stack)) {
      const owner = ownerOf(file, known);
      if (owner !== undefined) return owner;
    }
  }
  return undefined;
}

/** True when the stack leads to some file: what Node itself reports later, or a thrown text, leads nowhere. */
export function namesCode(error: unknown): boolean {
  return error instanceof Error && filesOfStack(error.stack).length > 0;
}

/** Whose file it is: the innermost package that has it. */
export function ownerOf(file: string, packages: readonly GuardedPackage[]): GuardedPackage | undefined {
  let owner: GuardedPackage | undefined;
  for (const candidate of packages) {
    const { path, isFile } = candidate;
    if (isFile ? file !== path : !file.startsWith(path + sep)) continue;
    if (owner === undefined || path.length > owner.path.length) owner = candidate;
  }
  return owner;
}

/** Files of the frames of a stack, topmost first. */
function filesOfStack(stack: unknown): string[] {
  if (typeof stack !== "string") return [];
  return stack.split("\n").flatMap((line) => {
    const place = /^\s+at .*?(file:\/\/\/[^\s)]+|\/[^)]+):\d+:\d+\)?$/.exec(line)?.[1];
    const file = place === undefined ? undefined : fileOf(place);
    return file === undefined ? [] : [file];
  });
}

/** The file of a script's URL, or undefined when it is none. */
export function fileOf(url: string): string | undefined {
  if (url.startsWith("/")) return url;
  try {
    // A query makes modules that were imported twice different.
    return fileURLToPath(url.replace(/[?#].*$/, ""));
  } catch {
    return undefined;
  }
}
