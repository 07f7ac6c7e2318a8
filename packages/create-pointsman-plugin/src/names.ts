import { builtinModules } from "node:module";
import type { Kind } from "./kinds.ts";

/** All names of a new package, derived from the one that was given. */
export interface Names {
  /** `@acme/my-scorer`. */
  readonly packageName: string;
  /** Name without scope: what the folder is called. */
  readonly folder: string;
  /** The name in configs: kebab-case, ending in its kind. */
  readonly type: string;
  /** The definition's variable. */
  readonly identifier: string;
  /** The first half of ids of attributes (`acme` in `acme/server-load`). */
  readonly owner: string;
}

/** npm's limit for a name with its scope. */
const LONGEST_NAME = 214;
const plain = /^[a-z0-9-][a-z0-9._-]*$/;

/**
 * What npm forbids in the name of a new package, as the end of a sentence that begins with the name; undefined when it
 * may be used. Rules of npm's documentation of `name` in `package.json`.
 */
export function faultOfPackageName(name: string): string | undefined {
  const [scope, bare] = splitName(name);
  if (name.length > LONGEST_NAME) return `is longer than ${LONGEST_NAME} characters`;
  if (scope !== undefined && !plain.test(scope)) return `has a scope that is not like "@acme"`;
  if (/[A-Z]/.test(bare)) return "has capital letters";
  if (/^[._]/.test(bare)) return `begins with "${bare[0]}"`;
  if (!plain.test(bare)) return `is not made of lower-case letters, digits and "-", "_" or "."`;
  if (!/[a-z]/.test(bare)) return "has no letter";
  if (bare === "node_modules" || bare === "favicon.ico") return "is a name that npm keeps for itself";
  if (scope === undefined && builtinModules.includes(bare)) return "is a module of Node";
  return undefined;
}

/**
 * Derives all names. `name` may have a scope of its own; `scope` is `@acme` or `acme`.
 *
 * @throws TypeError for a name that {@link faultOfPackageName} has something against.
 */
export function parseNames(name: string, kind: Kind, scope?: string): Names {
  const packageName = withScope(name, scope);
  const fault = faultOfPackageName(packageName);
  if (fault !== undefined) throw new TypeError(`${packageName} ${fault}`);
  const [ownScope, folder] = splitName(packageName);
  const subject = kebab(folder.replace(/^pointsman-(plugin-)?/, "")) || kind;
  const type = subject === kind || subject.endsWith(`-${kind}`) ? subject : `${subject}-${kind}`;
  return { packageName, folder, type, identifier: camel(type), owner: kebab(ownScope ?? folder) || folder };
}

/** The name in its scope. One that has a scope keeps it. */
export function withScope(name: string, scope: string | undefined): string {
  if (scope === undefined || scope === "" || name.startsWith("@")) return name;
  return `@${scope.replace(/^@/, "")}/${name}`;
}

function splitName(name: string): readonly [scope: string | undefined, bare: string] {
  const slash = name.indexOf("/");
  return name.startsWith("@") && slash > 0 ? [name.slice(1, slash), name.slice(slash + 1)] : [undefined, name];
}

function kebab(text: string): string {
  return text
    .split(/[^a-z0-9]+/)
    .filter(Boolean)
    .join("-");
}

function camel(type: string): string {
  const joined = type.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return /^\d/.test(joined) ? `plugin${joined}` : joined;
}
