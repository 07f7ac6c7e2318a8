/**
 * Writes the generated files of our plugins: the JSON Schemas of their parameters, and the option tables in their
 * READMEs. Runs their built code. `--check` changes nothing and fails when something is stale.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { main } from "pointsman";

const plugins = join(import.meta.dirname, "..", "plugins");
const folders = readdirSync(plugins)
  .map((name) => join(plugins, name))
  .filter((folder) => existsSync(join(folder, "package.json")));
process.exitCode = await main(["docs", ...(process.argv.includes("--check") ? ["--check"] : []), ...folders]);
