import { existsSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";

/** What `plugins add` was asked to install. */
export type PackageSpec =
  | { readonly from: "registry"; readonly name: string; readonly argument: string }
  /** `path` is absolute: a package folder or a tarball. */
  | { readonly from: "path"; readonly path: string; readonly argument: string };

/** Names that can be published today: https://docs.npmjs.com/cli/configuring-npm/package-json#name */
const npmName = /^(?:@[a-z0-9-][a-z0-9-._]*\/)?[a-z0-9][a-z0-9-._]*$/;
/** A version, a range or a tag; no colon and no slash, so no URL, alias or repository. */
const versionOrTag = /^[A-Za-z0-9*^~<>=][A-Za-z0-9.+*^~<>=| -]*$/;

/**
 * Parses `name`, `@scope/name`, either with `@version`, or a path (`./x`, `../x`, `/x`, `file:x`). Everything else that
 * package managers accept (URLs, repositories, aliases) is refused: what it would install cannot be told from it.
 */
export function parsePackageSpec(text: string, cwd: string): PackageSpec | Diagnostic {
  const path = pathOf(text);
  if (path !== undefined) return checkPath(resolve(cwd, path));
  const at = text.indexOf("@", 1);
  const name = at < 0 ? text : text.slice(0, at);
  const version = at < 0 ? undefined : text.slice(at + 1);
  if (!isNpmName(name) || (version !== undefined && !versionOrTag.test(version))) {
    const hint = "Write name, @scope/name or name@version, or a path that starts with ./, ../, / or file:.";
    const message = `${JSON.stringify(shortened(text))} is no npm package name and no path.`;
    return diagnostic("POINTSMAN_CLI_FLAG_VALUE", message, { hint });
  }
  return { from: "registry", name, argument: text };
}

function pathOf(text: string): string | undefined {
  if (text.startsWith("file://")) {
    try {
      return fileURLToPath(text);
    } catch {
      return undefined;
    }
  }
  if (text.startsWith("file:")) return text.slice("file:".length);
  return text.startsWith("./") || text.startsWith("../") || isAbsolute(text) ? text : undefined;
}

function checkPath(path: string): PackageSpec | Diagnostic {
  const wrong = (message: string) =>
    diagnostic("POINTSMAN_PLUGIN_NOT_FOUND", message, { hint: "Name a package's folder or its .tgz file." });
  if (!existsSync(path)) return wrong(`There is nothing at ${path}.`);
  const isFolder = statSync(path).isDirectory();
  if (isFolder && !existsSync(join(path, "package.json"))) return wrong(`${path} has no package.json.`);
  if (!isFolder && !/\.(?:tgz|tar\.gz)$/.test(path))
    return wrong(`${path} is neither a folder nor a package's tarball.`);
  return { from: "path", path, argument: `file:${path}` };
}

function isNpmName(name: string): boolean {
  return name.length <= 214 && npmName.test(name) && name !== "node_modules" && name !== "favicon.ico";
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
