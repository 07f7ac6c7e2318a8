import { existsSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { API_VERSION } from "@pointsman/plugin-api";
import { TypeCatalogue } from "@pointsman/plugin-host";
import semver from "semver";
import { failed, passed, type Verdict } from "../report.ts";
import { type PackageJson, typesOf } from "./package-json.ts";

const API = "@pointsman/plugin-api";

/** The host's own verdict about the manifest, before any code runs. */
export async function manifestRule(dir: string, json: PackageJson): Promise<Verdict> {
  const types = Object.keys(typesOf(json));
  const catalogue = new TypeCatalogue({ bases: [], configDir: dir });
  for (const type of types.length === 0 ? ["\u0000"] : types) {
    const location = await catalogue.locate({ name: "plugin under test", type, package: dir });
    if ("located" in location) continue;
    return failed(location.diagnostics.map(({ message }) => message).join("\n"));
  }
  return passed;
}

export function peerRangeRule({ peerDependencies, dependencies }: PackageJson): Verdict {
  const range = peerDependencies?.[API];
  if (dependencies?.[API] !== undefined) {
    return failed(`${API} is listed under dependencies, so that each plugin would bring a copy of its own`);
  }
  if (range === undefined) return failed(`there is no peer range on ${API}`);
  if (semver.validRange(range) === null || range.trim() === "")
    return failed(`the peer range "${range}" is no literal version range`);
  if (["*", "x", ""].includes(range.trim()))
    return failed(`the peer range "${range}" admits every version, future majors included`);
  return semver.satisfies(API_VERSION, range)
    ? passed
    : failed(`the peer range "${range}" does not admit ${API_VERSION}, which this kit is for`);
}

export function exportsRule(dir: string, { exports }: PackageJson): Verdict {
  if (typeof exports !== "object" || exports === null || Array.isArray(exports)) {
    return failed("package.json has no `exports` object");
  }
  const map = exports as Readonly<Record<string, unknown>>;
  if (map["./package.json"] !== "./package.json")
    return failed('`exports` does not lead "./package.json" to "./package.json"');
  const root = map["."];
  const target =
    typeof root === "string" ? root : (root as Readonly<Record<string, unknown>> | null | undefined)?.["default"];
  if (typeof target !== "string") return failed('`exports["."]` has no `default` condition');
  return existsSync(join(dir, target)) ? passed : failed(`\`exports["."]\` leads to ${target}, which does not exist`);
}

export function filesRule(dir: string, json: PackageJson, entry: string | undefined): Verdict {
  const { files } = json;
  if (!Array.isArray(files) || !files.every((item) => typeof item === "string"))
    return failed("package.json has no list `files`");
  const wanted = [
    ...(entry === undefined ? [] : [relative(dir, entry).split(sep).join("/")]),
    ...Object.values(typesOf(json)).flatMap((type) => {
      const schema = (type as { configSchema?: unknown } | null)?.configSchema;
      return typeof schema === "string" ? [schema.replace(/^\.\//, "")] : [];
    }),
  ];
  const missing = wanted.find((path) => !(files as string[]).some((pattern) => covers(pattern, path)));
  return missing === undefined
    ? passed
    : failed(`\`files\` does not cover ${missing}, so that it would not be published`);
}

/** A folder, a file, or a pattern whose fixed beginning is followed by wildcards. */
function covers(pattern: string, path: string): boolean {
  const plain = pattern.replace(/^\.?\//, "").replace(/\/$/, "");
  const [fixed = ""] = plain.split(/[*{[?]/, 1);
  if (fixed !== plain) return path.startsWith(fixed);
  return path === plain || path.startsWith(`${plain}/`) || plain === "." || plain === "";
}
