import { register } from "node:module";
import { extname } from "node:path";
import { pathToFileURL } from "node:url";
import { type Diagnostic, type DiagnosticDetails, diagnostic } from "@pointsman/diagnostics";
import { openPlugin, type PluginV1 } from "@pointsman/plugin-api/internal";
import { resolve as importMetaResolve } from "import-meta-resolve";
import { admitsStamp, implementedApiVersions } from "./api-compatibility.ts";

/** Nodes that know the feature but have it switched off say `false`. */
const runsTypeScript = Boolean((process.features as { readonly typescript?: unknown }).typescript);

export type Imported = { readonly definitions: readonly PluginV1[] } | { readonly diagnostics: readonly Diagnostic[] };

/**
 * Imports a plugin package's module and opens its default export.
 * @param label package name or file, for messages.
 */
export async function importDefinitions(file: string, label: string, details: DiagnosticDetails): Promise<Imported> {
  const fail = (code: Diagnostic["code"], message: string, more: DiagnosticDetails = {}): Imported => ({
    diagnostics: [diagnostic(code, message, { ...details, ...more })],
  });
  if ([".ts", ".mts", ".cts"].includes(extname(file)) && !runsTypeScript) {
    return fail(
      "POINTSMAN_PLUGIN_TYPESCRIPT_UNSUPPORTED",
      `${label} is TypeScript, which Node ${process.versions.node} cannot run.`,
    );
  }
  lendApiTo(file);
  let namespace: { readonly default?: unknown };
  try {
    namespace = (await import(pathToFileURL(file).href)) as typeof namespace;
  } catch (cause) {
    return describeImportError(cause, label, fail);
  }
  const exported = unwrapCommonJs(namespace.default);
  const values = Array.isArray(exported) ? exported : [exported];
  const definitions: PluginV1[] = [];
  for (const value of values) {
    const opened = openPlugin(value);
    if (opened === undefined || typeof opened === "string") {
      const reason = opened ?? "the default export must be what definePlugin() returns, or an array of that";
      return fail("POINTSMAN_PLUGIN_BAD_EXPORT", `${label} does not export a plugin: ${reason}.`);
    }
    if (!admitsStamp(opened.apiVersion)) {
      return fail(
        "POINTSMAN_PLUGIN_STAMP_MISMATCH",
        `${label} was built with plugin API ${opened.apiVersion}; this host implements ${implementedApiVersions.join(" and ")}.`,
      );
    }
    definitions.push(opened);
  }
  if (definitions.length === 0) return fail("POINTSMAN_PLUGIN_BAD_EXPORT", `${label} exports an empty array.`);
  return { definitions };
}

/** `exports.default = …` of a transpiled CommonJS module arrives one level deeper. */
function unwrapCommonJs(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("__esModule" in value)) return value;
  return (value as { default?: unknown }).default;
}

function describeImportError(
  cause: unknown,
  label: string,
  fail: (code: Diagnostic["code"], message: string, more?: DiagnosticDetails) => Imported,
): Imported {
  const code = (cause as { code?: unknown } | null)?.code;
  const text = cause instanceof Error ? cause.message : String(cause);
  if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") {
    // Only `require` reports this code; what an `import` misses is lent by the host.
    if (code === "MODULE_NOT_FOUND" && text.includes("'@pointsman/plugin-api")) {
      return fail(
        "POINTSMAN_PLUGIN_CJS_NEEDS_API",
        `${label} requires @pointsman/plugin-api as CommonJS, and it is not installed beside it.`,
        { cause },
      );
    }
    return fail("POINTSMAN_PLUGIN_DEPENDENCY_MISSING", `${label} cannot be imported: ${firstLine(text)}`, { cause });
  }
  return fail("POINTSMAN_PLUGIN_IMPORT_FAILED", `${label} cannot be imported: ${firstLine(text)}`, { cause });
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

let lent = false;

/**
 * A plugin that has no copy of the plugin API of its own gets the host's. The hook costs a thread, so it is installed
 * only when the first such plugin is met.
 */
function lendApiTo(file: string): void {
  if (lent) return;
  try {
    // As `import` looks for it: `require` would also search NODE_PATH, which package managers set for their scripts.
    importMetaResolve("@pointsman/plugin-api", pathToFileURL(file).href);
  } catch {
    register("./lend-plugin-api.js", import.meta.url, {
      data: {
        "@pointsman/plugin-api": import.meta.resolve("@pointsman/plugin-api"),
        "@pointsman/plugin-api/keys": import.meta.resolve("@pointsman/plugin-api/keys"),
        "@pointsman/plugin-api/internal": import.meta.resolve("@pointsman/plugin-api/internal"),
      },
    });
    lent = true;
  }
}
