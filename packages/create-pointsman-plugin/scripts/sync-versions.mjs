/**
 * Writes template/versions.json from the catalog of the workspace and the versions of our own packages. `--check`
 * changes nothing and fails when it is stale.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

const packageRoot = join(import.meta.dirname, "..");
const root = join(packageRoot, "..", "..");
const file = join(packageRoot, "template", "versions.json");
const { catalog } = parse(readFileSync(join(root, "pnpm-workspace.yaml"), "utf8"));
const versionOf = (folder) => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")).version;

const versions = {
  own: {
    "@pointsman/plugin-api": `^${versionOf("packages/plugin-api")}`,
    "@pointsman/plugin-testkit": `^${versionOf("packages/plugin-testkit")}`,
    pointsman: `^${versionOf("apps/cli")}`,
  },
  others: {
    "@types/node": `^${catalog["@types/node"]}`,
    tinybench: `^${catalog.tinybench}`,
    // A minor version of TypeScript may find new errors.
    typescript: `~${catalog.typescript}`,
    vitest: `^${catalog.vitest}`,
    zod: `^${catalog.zod}`,
  },
};

const text = `${JSON.stringify(versions, null, 2)}\n`;
if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== text) {
    console.error("template/versions.json is stale: node scripts/sync-versions.mjs");
    process.exitCode = 1;
  }
} else {
  writeFileSync(file, text);
}
