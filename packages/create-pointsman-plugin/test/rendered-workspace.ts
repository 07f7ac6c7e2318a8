import { spawn } from "node:child_process";
import { existsSync, mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Kind, Language } from "../src/kinds.ts";
import { renderTemplate } from "../src/render-template.ts";

const packageRoot = join(import.meta.dirname, "..");
const root = join(packageRoot, "..", "..");

/** A folder with rendered packages that see the workspace's packages as if they were installed. */
export interface RenderedWorkspace {
  readonly dir: string;
  /** Renders one package; the result is its folder. */
  add(kind: Kind, language: Language): string;
  remove(): void;
}

export function createRenderedWorkspace(name: string): RenderedWorkspace {
  const dir = join(packageRoot, ".pointsman", `${name}-${process.pid}`);
  for (const [link, target] of Object.entries(installed())) {
    const path = join(dir, "node_modules", link);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(target, path);
  }
  // Vitest looks for a config in the folders above; the workspace's is not meant.
  writeFileSync(join(dir, "vitest.config.mjs"), "export default {};\n");
  return {
    dir,
    add(kind, language) {
      const folder = join(dir, `my-${kind}-${language}`);
      for (const [path, text] of renderTemplate({ name: `my-${kind}`, kind, language })) {
        const file = join(folder, path);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, text);
      }
      return folder;
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function installed(): Readonly<Record<string, string>> {
  const own = ["@pointsman/plugin-api", "@pointsman/plugin-testkit", "pointsman", "zod"];
  const shared = ["@types/node", "tinybench", "typescript", "vitest"];
  return Object.fromEntries([
    ...own.map((name) => [name, realpathSync(join(packageRoot, "node_modules", name))]),
    ...shared.map((name) => [name, realpathSync(join(root, "node_modules", name))]),
  ]);
}

/** The scripts behind the commands that the scripts of a package use. */
export const commands = {
  tsc: join(root, "node_modules", "typescript", "bin", "tsc"),
  vitest: join(root, "node_modules", "vitest", "vitest.mjs"),
  pointsman: join(root, "apps", "cli", "bin", "pointsman.js"),
};

/** Runs a script in a folder to its end. Resolves with exit code and output, both streams in one. */
export function runScript(cwd: string, argv: readonly string[]): Promise<{ code: number; output: string }> {
  if (!existsSync(argv[0] ?? "")) throw new Error(`there is no ${argv[0]}`);
  return new Promise((resolve) => {
    const child = spawn(process.execPath, argv, { cwd, env: { ...process.env, NO_COLOR: "1", CI: "true" } });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
