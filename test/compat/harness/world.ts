import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tools } from "./install-tool.ts";
import { type PackedPackage, packWorkspace } from "./packages.ts";
import { type Registry, startRegistry } from "./registry.ts";

/** A registry with everything of ours published on it, and a folder in which there is nothing yet. */
export interface World {
  readonly registry: Registry;
  readonly tools: Tools;
  readonly packages: readonly PackedPackage[];
  /** What was published under a name. */
  packageOf(name: string): PackedPackage;
  /** A new empty folder. */
  folder(name: string): string;
  /** Stops the registry and removes every file. */
  end(): Promise<void>;
}

export async function createWorld(tools: Tools): Promise<World> {
  const dir = mkdtempSync(join(realpathSync(tmpdir()), "pointsman-compat-"));
  const folder = (name: string): string => {
    const path = join(dir, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  let registry: Registry | undefined;
  const end = async (): Promise<void> => {
    await registry?.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const [started, packages] = await Promise.all([
      startRegistry(folder("registry"), tools),
      packWorkspace(folder("packed"), tools),
    ]);
    registry = started;
    const folders = packages.map((one) => one.folder);
    await registry.publishWorkspace(join(dir, "packed"), folders);
    const packageOf = (name: string): PackedPackage => {
      const found = packages.find((one) => one.name === name);
      if (found === undefined) throw new Error(`${name} is not in the workspace`);
      return found;
    };
    return { registry, tools, packages, packageOf, folder, end };
  } catch (error) {
    await end();
    throw error;
  }
}
