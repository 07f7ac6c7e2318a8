import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

/** An empty folder that is gone after the test. */
export function temporaryFolder(): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "pointsman-cli-")));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Writes files below a folder, by their relative paths; objects as JSON. */
export function putFiles(dir: string, files: Readonly<Record<string, string | object>>): string {
  for (const [path, content] of Object.entries(files)) {
    const full = join(dir, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, typeof content === "string" ? content : JSON.stringify(content, null, 2));
  }
  return dir;
}

export interface PackageOptions {
  readonly name: string;
  readonly version?: string;
  /** Peer range on the plugin API; null for none. */
  readonly api?: string | null;
  /** Types of the manifest; undefined for a package without a manifest. */
  readonly types?: Readonly<Record<string, object>> | undefined;
  /** The entry module; by default one that must not run. */
  readonly code?: string;
}

/** Writes a plugin package into a folder. */
export function putPackage(
  dir: string,
  { name, version = "1.0.0", api = "^1.0.0", types, code }: PackageOptions,
): string {
  return putFiles(dir, {
    "package.json": {
      name,
      version,
      type: "module",
      exports: { ".": { default: "./index.js" }, "./package.json": "./package.json" },
      ...(types === undefined ? {} : { pointsman: { manifest: 1, types } }),
      ...(api === null ? {} : { peerDependencies: { "@pointsman/plugin-api": api } }),
    },
    "index.js": code ?? 'throw new Error("this code must not run");\n',
  });
}

/** The same, as if it were installed for a folder. */
export function installPackage(folder: string, options: PackageOptions): string {
  return putPackage(join(folder, "node_modules", options.name), options);
}
