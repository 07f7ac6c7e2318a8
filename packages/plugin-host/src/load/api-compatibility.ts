import { type Diagnostic, type DiagnosticDetails, diagnostic } from "@pointsman/diagnostics";
import semver from "semver";
import type { PluginPackage } from "../resolve/plugin-package.ts";

/**
 * Plugin API versions this host implements, newest first: the newest minor of the current major, and of the previous
 * one when there is one. Written out, because the API package that is found at run time may be newer than the host: a
 * package manager gives one copy to an old host and to a plugin that needs a newer minor.
 */
export const implementedApiVersions: readonly [string, ...string[]] = Object.freeze(["1.0.0"] as const);

/** Checks a package's peer range before any of its code runs. */
export function checkApiRange(
  { name, version, apiRange }: PluginPackage,
  details: DiagnosticDetails,
  implemented: readonly string[] = implementedApiVersions,
): Diagnostic | undefined {
  if (apiRange === undefined) {
    const message = `${name} does not say which versions of @pointsman/plugin-api it works with.`;
    return diagnostic("POINTSMAN_PLUGIN_API_RANGE_MISSING", message, { ...details, severity: "warning" });
  }
  if (semver.validRange(apiRange) === null) {
    const message = `${name} has the peer range "${apiRange}" on @pointsman/plugin-api, which is no version range.`;
    return diagnostic("POINTSMAN_PLUGIN_API_MISMATCH", message, details);
  }
  if (implemented.some((candidate) => semver.satisfies(candidate, apiRange))) return undefined;
  const newest = implemented[0] ?? implementedApiVersions[0];
  const pluginIsNewer = semver.gtr(newest, apiRange) === false;
  const remedy = pluginIsNewer
    ? `Upgrade pointsman to a version that implements plugin API ${apiRange}, or install an older ${name}.`
    : `Upgrade ${name} to a version whose peer range admits ${newest}.`;
  return diagnostic(
    "POINTSMAN_PLUGIN_API_MISMATCH",
    `${name} ${version} needs @pointsman/plugin-api ${apiRange}; this host implements ${implemented.join(" and ")}.`,
    { ...details, hint: remedy },
  );
}

/**
 * True when a host of these API versions can run what was defined with `stamp`: the version of the API package that the
 * plugin found. A newer minor of it is compatible; what the plugin needs is its peer range, which was checked before.
 */
export function admitsStamp(stamp: string, implemented: readonly string[] = implementedApiVersions): boolean {
  return semver.valid(stamp) !== null && implemented.some((version) => semver.major(version) === semver.major(stamp));
}
