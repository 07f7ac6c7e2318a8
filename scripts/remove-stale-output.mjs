/**
 * Removes from every `dist` what `tsc -b` built from sources that are gone: it never does so itself, and what lies in
 * `dist` is published. Run before packing. `--check` changes nothing and fails when there is something to remove.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";

const root = join(import.meta.dirname, "..");
const check = process.argv.includes("--check");

/** `dist/a/b.d.ts.map` → `src/a/b.ts`; undefined for files that the compiler does not write. */
function sourceOf(file) {
  const output = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(file);
  return output === null ? undefined : `${output[1]}.ts`;
}

const stale = ["packages", "plugins", "apps"]
  .flatMap((group) => readdirSync(join(root, group)).map((name) => join(root, group, name)))
  .filter((folder) => existsSync(join(folder, "dist")))
  .flatMap((folder) =>
    readdirSync(join(folder, "dist"), { recursive: true })
      .map(String)
      .filter((file) => {
        const source = sourceOf(file);
        return source !== undefined && !existsSync(join(folder, "src", source));
      })
      .map((file) => join(folder, "dist", file)),
  );

for (const file of stale) {
  console.log(`${check ? "stale" : "removed"}: ${relative(root, file)}`);
  if (!check) rmSync(file);
}
if (check && stale.length > 0) process.exitCode = 1;
