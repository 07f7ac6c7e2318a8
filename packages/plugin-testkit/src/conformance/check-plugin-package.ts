import { resolve } from "node:path";
import { API_VERSION } from "@pointsman/plugin-api";
import { findEntry } from "../host/load-definitions.ts";
import type { ConformanceOptions } from "./options.ts";
import { type PackageJson, readPackageJson, typesOf } from "./package/package-json.ts";
import { exportsRule, filesRule, manifestRule, peerRangeRule } from "./package/package-rules.ts";
import type { ImportFacts } from "./process/messages.ts";
import { probeImport, runChecks } from "./process/run-checks.ts";
import {
  type ConformanceReport,
  failed,
  passed,
  type RuleResult,
  ruleResult,
  skipped,
  type Verdict,
} from "./report.ts";
import { type PackageRuleId, type RuleId, type TypeRuleId, typeRules } from "./rule-catalogue.ts";

/**
 * Checks a plugin package against the contract: package.json, what importing it does, and the behaviour of each type.
 * Code of the plugin runs in processes of its own, so that one that blocks or ends its process is a finding too.
 * Options are sent there: only plain data (what `structuredClone` can copy).
 *
 * @throws Error when `dir` has no readable package.json.
 */
export async function checkPluginPackage(dir: string, options: ConformanceOptions = {}): Promise<ConformanceReport> {
  const folder = resolve(dir);
  const json = readPackageJson(folder);
  const results: RuleResult[] = [];
  const put = (id: PackageRuleId, verdict: Verdict): void => void results.push(ruleResult(id, undefined, verdict));
  const manifest = await manifestRule(folder, json);
  put("package/manifest", manifest);
  put("package/peer-range", peerRangeRule(json));
  const exported = exportsRule(folder, json);
  put("package/exports", exported);
  const entry = manifest.status === "passed" ? await findEntry(folder) : undefined;
  put("package/files", filesRule(folder, json, entry));
  const seed = options.seed ?? 1;
  const subject = `${json.name ?? folder} ${json.version ?? ""}`.trim();
  const finish = (more: Partial<ConformanceReport> = {}): ConformanceReport => {
    const ok = results.every(({ status }) => status !== "failed");
    return { subject, dir: folder, apiVersion: API_VERSION, seed, ok, measurements: [], ...more, results };
  };
  if (manifest.status === "failed" || entry === undefined) {
    const why = manifest.status === "failed" ? "the manifest is broken" : "no module can be found";
    for (const id of importRules) put(id, skipped(`not imported: ${why}`));
    skipTypes(results, Object.keys(typesOf(json)), `not imported: ${why}`);
    return finish();
  }
  const facts = await probeImport(folder);
  putImport(facts, json, put);
  if (facts.problem !== undefined) {
    skipTypes(results, Object.keys(typesOf(json)), "the package cannot be imported");
    return finish();
  }
  const checked = await runChecks(folder, facts.types, options);
  results.push(...checked.results);
  return finish({ measurements: checked.measurements });
}

const importRules: readonly PackageRuleId[] = [
  "import/default-export",
  "import/twice",
  "import/no-handles",
  "import/no-env-writes",
  "import/no-global-patches",
  "manifest/types",
];

function putImport(facts: ImportFacts, json: PackageJson, put: (id: PackageRuleId, verdict: Verdict) => void): void {
  if (facts.problem !== undefined) {
    put("import/default-export", failed(facts.problem));
    for (const id of importRules.slice(1)) put(id, skipped("the package cannot be imported"));
    return;
  }
  const verdict = (found: readonly string[], what: string): Verdict =>
    found.length === 0 ? passed : failed(`${what} ${found.slice(0, 5).join(", ")}`);
  put("import/default-export", passed);
  put("import/twice", facts.twice === undefined ? passed : failed(facts.twice));
  put("import/no-handles", verdict(facts.handles, "importing started"));
  put("import/no-env-writes", verdict(facts.env, "importing wrote to process.env:"));
  put("import/no-global-patches", verdict(facts.globals, "importing added or changed"));
  const stated = Object.keys(typesOf(json));
  const unstated = facts.types.filter((type) => !stated.includes(type));
  const uncoded = stated.filter((type) => !facts.types.includes(type));
  put(
    "manifest/types",
    unstated.length > 0
      ? failed(`the code defines ${unstated.join(", ")}, which the manifest does not name`)
      : verdict(uncoded, "the manifest names, and the code does not define,"),
  );
}

function skipTypes(results: RuleResult[], types: readonly string[], why: string): void {
  for (const type of types) {
    for (const { id } of typeRules) results.push(ruleResult(id as RuleId as TypeRuleId, type, skipped(why)));
  }
}
