/**
 * Writes the `references` of every tsconfig.json from the workspace dependencies in package.json, so that nobody
 * keeps the two lists equal by hand. `--check` changes nothing and fails when something is stale.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

const root = join(import.meta.dirname, "..");
const check = process.argv.includes("--check");
const dirs = ["packages", "plugins", "apps"].flatMap((group) =>
  existsSync(join(root, group)) ? readdirSync(join(root, group)).map((name) => join(root, group, name)) : [],
);
const byName = new Map();
for (const dir of dirs) {
  if (!existsSync(join(dir, "package.json")) || !existsSync(join(dir, "tsconfig.json"))) continue;
  byName.set(JSON.parse(readFileSync(join(dir, "package.json"), "utf8")).name, dir);
}

const stale = [];
function put(file, references, rest) {
  const text = `${JSON.stringify({ ...rest, references }, null, 2)}\n`;
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;
  stale.push(relative(root, file));
  if (!check) writeFileSync(file, text);
}

for (const dir of byName.values()) {
  const manifest = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
  const names = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
    // The test kit is a development dependency of the plugins and itself depends on the host: no build edge.
    (name) =>
      byName.has(name) &&
      (manifest.dependencies?.[name] !== undefined || manifest.peerDependencies?.[name] !== undefined),
  );
  const references = names.sort().map((name) => ({ path: relative(dir, byName.get(name)) }));
  const { references: _old, ...rest } = JSON.parse(readFileSync(join(dir, "tsconfig.json"), "utf8"));
  put(join(dir, "tsconfig.json"), references, rest);
}
put(
  join(root, "tsconfig.json"),
  [...byName.values()].sort().map((dir) => ({ path: relative(root, dir) })),
  { files: [] },
);

if (stale.length > 0) console.log(`${check ? "stale" : "updated"}: ${stale.join(", ")}`);
if (check && stale.length > 0) process.exit(1);
