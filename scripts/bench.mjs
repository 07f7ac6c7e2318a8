/**
 * `pnpm bench [FILTER]`: runs every benchmark of the workspace in a process of its own, one after the other, against
 * the built packages. Prints medians; nothing is judged.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { cpus } from "node:os";
import { join, relative } from "node:path";

const root = join(import.meta.dirname, "..");
const filter = process.argv[2] ?? "";
const files = ["packages", "plugins", "apps"]
  .flatMap((group) => readdirSync(join(root, group)).map((name) => join(root, group, name, "bench")))
  .filter((dir) => existsSync(dir))
  .flatMap((dir) => readdirSync(dir).map((name) => join(dir, name)))
  .filter((file) => file.endsWith(".bench.ts") && relative(root, file).includes(filter))
  .sort();
if (files.length === 0) {
  console.error(`no benchmark has "${filter}" in its path`);
  process.exit(2);
}

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`);
let failed = 0;
for (const file of files) {
  console.log(`\n── ${relative(root, file)}`);
  const loader = join(root, "scripts", "bench-loader.mjs");
  const { status } = spawnSync(process.execPath, ["--expose-gc", "--import", loader, file], {
    stdio: "inherit",
    cwd: root,
  });
  if (status !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
