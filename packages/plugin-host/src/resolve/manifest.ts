import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import { capabilityNames, type PluginManifest, type Stability } from "@pointsman/plugin-api";

const capabilities: ReadonlySet<string> = new Set(capabilityNames);
const stabilities: ReadonlySet<unknown> = new Set<Stability>(["alpha", "beta", "stable"]);

/** Checks the member `pointsman` of a package's `package.json`, before anything of the package runs. */
export function parseManifest(
  value: unknown,
  packageName: string,
): { readonly manifest?: PluginManifest; readonly diagnostics: readonly Diagnostic[] } {
  const problems: Diagnostic[] = [];
  const wrong = (what: string): void => {
    problems.push(
      diagnostic("POINTSMAN_PLUGIN_MANIFEST_INVALID", `The manifest of ${packageName} is wrong: ${what}.`, {
        origin: packageName,
      }),
    );
  };
  if (!isRecord(value)) {
    wrong("`pointsman` must be an object");
    return { diagnostics: problems };
  }
  if (value.manifest !== 1) {
    const message = `${packageName} has a manifest of version ${JSON.stringify(value.manifest)}; this host knows version 1.`;
    return { diagnostics: [diagnostic("POINTSMAN_PLUGIN_MANIFEST_UNSUPPORTED", message, { origin: packageName })] };
  }
  if (!isRecord(value.types) || Object.keys(value.types).length === 0) {
    wrong("`types` must be an object with at least one type");
    return { diagnostics: problems };
  }
  for (const [type, description] of Object.entries(value.types)) {
    if (!isRecord(description)) {
      wrong(`\`types.${type}\` must be an object`);
      continue;
    }
    if (!isStringList(description.capabilities)) {
      wrong(`\`types.${type}.capabilities\` must be a list of names`);
    } else {
      for (const name of description.capabilities) {
        if (capabilities.has(name)) continue;
        const message = `${packageName} declares the capability "${name}" for ${type}, which this host does not know.`;
        problems.push(diagnostic("POINTSMAN_PLUGIN_CAPABILITY_UNKNOWN", message, { origin: packageName }));
      }
    }
    if (description.aliases !== undefined && !isStringList(description.aliases)) {
      wrong(`\`types.${type}.aliases\` must be a list of names`);
    }
    if (description.configSchema !== undefined && typeof description.configSchema !== "string") {
      wrong(`\`types.${type}.configSchema\` must be a path`);
    }
    if (description.writes !== undefined && !isStringList(description.writes)) {
      wrong(`\`types.${type}.writes\` must be a list of keys`);
    }
    const { reads, stability, deprecated } = description;
    const readsAreLists = isRecord(reads) && [reads.required ?? [], reads.optional ?? []].every(isStringList);
    if (reads !== undefined && !readsAreLists) {
      wrong(`\`types.${type}.reads\` must be an object with lists of keys`);
    }
    if (stability !== undefined && !stabilities.has(stability)) {
      wrong(`\`types.${type}.stability\` must be "alpha", "beta" or "stable"`);
    }
    if (deprecated !== undefined && !(isRecord(deprecated) && typeof deprecated.since === "string")) {
      wrong(`\`types.${type}.deprecated\` must be an object with \`since\``);
    }
  }
  return problems.length > 0
    ? { diagnostics: problems }
    : { manifest: value as unknown as PluginManifest, diagnostics: problems };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStringList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
