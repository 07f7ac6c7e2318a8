/**
 * Writes deploy/manifests/*\/pointsman.yaml, for people without Helm: the chart, rendered with the values that stand
 * beside each. `--check` changes nothing and fails when something is stale. Needs helm.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

const root = join(import.meta.dirname, "..");
const manifests = join(root, "deploy/manifests");
const HEAD = "# Rendered from deploy/helm/pointsman by scripts/render-manifests.mjs; change it by a kustomization.\n";
const NAMESPACE = "inference";
const check = process.argv.includes("--check");

const stale = [];
for (const name of readdirSync(manifests)) {
  const values = join(manifests, name, "values.yaml");
  if (!existsSync(values)) continue;
  const chart = join(root, "deploy/helm/pointsman");
  const args = ["template", "pointsman", chart, "-n", NAMESPACE, "--values", values, "--kube-version", "1.34.0"];
  const rendered = execFileSync("helm", args, { encoding: "utf8" });
  const text = HEAD + plain(rendered);
  const file = join(manifests, name, "pointsman.yaml");
  if (existsSync(file) && readFileSync(file, "utf8") === text) continue;
  stale.push(relative(root, file));
  if (!check) writeFileSync(file, text);
}
if (stale.length > 0) console.log(`${check ? "stale" : "updated"}: ${stale.join(", ")}`);
process.exitCode = check && stale.length > 0 ? 1 : 0;

/** Without what only Helm has a use for. */
function plain(text) {
  return text
    .split("\n")
    .filter((line) => !/^ +(helm\.sh\/chart:|app\.kubernetes\.io\/managed-by: Helm$)/.test(line))
    .filter((line) => !line.startsWith("# Source:"))
    .join("\n");
}
