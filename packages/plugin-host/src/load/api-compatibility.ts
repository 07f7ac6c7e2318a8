import { type Diagnostic, type DiagnosticDetails, diagnostic } from "@pointsman/diagnostics";
import { API_VERSION } from "@pointsman/plugin-api";
import semver from "semver";
import type { PluginPackage } from "../resolve/plugin-package.ts";

/**
 * Plugin API versions this host implements: the newest minor of the current major, and of the previous one when there
 * is one.
 */
export const implementedApiVersions: readonly string[] = Object.freeze([API_VERSION]);

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
  const newest = implemented[0] ?? API_VERSION;
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

/** True when a host of these API versions can run what was defined with `stamp`. */
export function admitsStamp(stamp: string, implemented: readonly string[] = implementedApiVersions): boolean {
  return implemented.some((version) => semver.satisfies(version, `^${stamp}`));
}
