/** `node scripts/new-package.mjs packages/foo "what it is" [dep...]`: one folder in the common shape. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const [dir, description, ...deps] = process.argv.slice(2);
const root = join(import.meta.dirname, "..");
const [group] = dir.split("/");
const name = `@pointsman/${group === "plugins" ? `plugin-${basename(dir)}` : basename(dir)}`;
mkdirSync(join(root, dir, "src"), { recursive: true });
mkdirSync(join(root, dir, "test"), { recursive: true });
const put = (file, text) => existsSync(join(root, dir, file)) || writeFileSync(join(root, dir, file), text);
const isPlugin = group === "plugins";
const dependencies = Object.fromEntries(
  deps.map((d) => [d, d.startsWith("@pointsman/") ? "workspace:^" : "catalog:"]).sort(),
);
put(
  "package.json",
  `${JSON.stringify(
    {
      name,
      version: isPlugin || group === "packages" ? "0.1.0" : "0.1.0",
      description,
      license: "Apache-2.0",
      type: "module",
      ...(group === "apps" ? { private: false } : {}),
      engines: { node: ">=20.19" },
      exports: { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" }, "./package.json": "./package.json" },
      files: isPlugin ? ["dist", "schema"] : ["dist"],
      ...(isPlugin ? { keywords: ["pointsman-plugin"], pointsman: { manifest: 1, types: {} } } : {}),
      dependencies,
      ...(isPlugin
        ? {
            peerDependencies: { "@pointsman/plugin-api": "^1.0.0" },
            devDependencies: { "@pointsman/plugin-api": "workspace:*" },
          }
        : {}),
    },
    null,
    2,
  )}\n`,
);
put(
  "tsconfig.json",
  `${JSON.stringify({ extends: "../../tsconfig.base.json", compilerOptions: { rootDir: "src", outDir: "dist" }, include: ["src"], references: [] }, null, 2)}\n`,
);
