import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkPluginPackage } from "../src/conformance/check-plugin-package.ts";
import type { ConformanceOptions } from "../src/conformance/options.ts";
import { packageRules, type RuleId, typeRules } from "../src/conformance/rule-catalogue.ts";

const fixtures = join(import.meta.dirname, "fixtures");

interface Case {
  readonly plugin: string;
  /** The rules it breaks, all of them. */
  readonly breaks: readonly RuleId[];
  /** What the author is told about the first one. */
  readonly told: RegExp;
}

/** One deliberately wrong plugin per rule at least; each breaks that rule and, where listed, what follows from it. */
const cases: readonly Case[] = [
  { plugin: "manifest-number-unknown", breaks: ["package/manifest"], told: /manifest of version 2.*"manifest": 1/ },
  { plugin: "peer-range-star", breaks: ["package/peer-range"], told: /"\*" admits every version.*\^1\.0\.0/ },
  {
    plugin: "exports-without-default",
    breaks: ["package/exports"],
    told: /no `default` condition.*"default": "\.\/dist/,
  },
  { plugin: "files-without-schema", breaks: ["package/files"], told: /schema\/wrong-scorer\.json.*List in "files"/ },
  {
    plugin: "named-export-only",
    breaks: ["import/default-export"],
    told: /does not export a plugin.*as the default export/,
  },
  { plugin: "process-exit-at-import", breaks: ["import/default-export"], told: /ended with exit code 3/ },
  {
    plugin: "loads-once-only",
    breaks: ["import/twice"],
    told: /second import failed: this module was loaded before.*setup\(\)/,
  },
  {
    plugin: "timer-at-import",
    breaks: ["import/no-handles"],
    told: /a timer \(started at .*timer-at-import\/index\.js:4\).*into setup\(\)/,
  },
  {
    plugin: "env-write-at-import",
    breaks: ["import/no-env-writes"],
    told: /WRONG_SCORER_LEVEL.*parameter of the config/,
  },
  {
    plugin: "global-patch-at-import",
    breaks: ["import/no-global-patches"],
    told: /Array\.prototype\.lastOne.*module scope/,
  },
  { plugin: "manifest-invents-type", breaks: ["manifest/types"], told: /other-scorer.*equal to the types/ },
  { plugin: "manifest-lacks-alias", breaks: ["manifest/aliases"], told: /alias "wrong".*the same list/ },
  { plugin: "manifest-other-stability", breaks: ["manifest/stability"], told: /"alpha", the code "stable".*equal/ },
  { plugin: "manifest-lacks-read", breaks: ["manifest/reads"], told: /waiting-requests@1.*List in "reads"/ },
  {
    plugin: "manifest-invents-write",
    breaks: ["manifest/writes"],
    told: /waiting-requests@1.*"writes" of the manifest/,
  },
  {
    plugin: "capability-undeclared",
    breaks: ["manifest/capabilities", "lifecycle/host-accepts"],
    told: /"postChoice", which the manifest does not declare.*Add the capability/,
  },
  {
    plugin: "schema-stale",
    breaks: ["manifest/schema"],
    told: /differs from the code at \/properties\/limit\/default.*inputSchemaOf/,
  },
  {
    plugin: "example-refused",
    breaks: ["config/valid"],
    told: /\{"limit":-1\} is refused: limit: must be > 0.*Correct the schema/,
  },
  { plugin: "default-refused", breaks: ["config/defaults"], told: /default of limit, 0, is refused.*Choose defaults/ },
  {
    plugin: "issue-without-path",
    breaks: ["config/invalid"],
    told: /without the path "limit".*report an issue with the path/,
  },
  {
    plugin: "unknown-keys-accepted",
    breaks: ["config/unknown-keys"],
    told: /is accepted.*"additionalProperties": false/,
  },
  {
    plugin: "setup-throws",
    breaks: ["setup/works", "lifecycle/host-accepts"],
    told: /the weather is bad.*Make setup\(\) succeed/,
  },
  {
    plugin: "scorer-asynchronous",
    breaks: ["call/synchronous", "trace/replay"],
    told: /scorer returned a promise.*synchronous/,
  },
  {
    plugin: "throws-without-model",
    breaks: ["call/no-throw"],
    told: /threw TypeError: which model\?; seen with .*"model":"".*abstain/,
  },
  {
    plugin: "writes-into-body",
    breaks: ["call/no-mutation"],
    told: /changed the request's body.*Copy before you change/,
  },
  {
    plugin: "writes-later",
    breaks: ["call/no-retained-references"],
    told: /wrote into `scores` after the call had returned.*Copy what you need/,
  },
  { plugin: "reads-later", breaks: ["call/no-retained-references"], told: /used candidates\.length after the call/ },
  { plugin: "keeps-candidates", breaks: ["call/no-retained-references"], told: /still holds the candidates/ },
  {
    plugin: "asks-the-wall-clock",
    breaks: ["call/determinism"],
    // Which comes first depends on the hour in which the test runs.
    told: /(?:\[0\] and then \[1\]|\[1\] and then \[0\]).*request\.now instead of/,
  },
  { plugin: "scores-by-position", breaks: ["call/order-independence"], told: /another order.*Compare by value/ },
  { plugin: "filter-writes-seven", breaks: ["filter/flags"], told: /wrote 7 for pod-0.*keep\[i\] = 0/ },
  { plugin: "score-above-one", breaks: ["scorer/range"], told: /gave 1\.5 to pod-0.*0 to 1/ },
  {
    plugin: "nan-spreads",
    breaks: ["scorer/nan-policy"],
    told: /lost its score of .* to NaN.*abstain for that endpoint only/,
  },
  { plugin: "picks-a-stranger", breaks: ["picker/ranking"], told: /named candidate 1 of 1.*below candidates\.length/ },
  { plugin: "decides-maybe", breaks: ["decider/answer"], told: /answered "maybe".*boolean/ },
  {
    plugin: "handler-names-no-profile",
    breaks: ["handler/ends"],
    told: /named "elsewhere", which did not run.*primary\(\)/,
  },
  { plugin: "refuses-with-200", breaks: ["admitter/answer"], told: /refused with status 200.*from 400 to 599/ },
  { plugin: "parser-throws", breaks: ["parser/answer"], told: /parse\(\) threw SyntaxError.*\{ refused: … \}/ },
  {
    plugin: "producer-writes-undeclared",
    breaks: ["producer/declared-writes"],
    told: /prefix-match-blocks@1, which it does not declare.*`writes`/,
  },
  {
    plugin: "scraper-writes-undeclared",
    breaks: ["scraper/declared-writes"],
    told: /kv-cache-usage@1, which it does not declare.*`writes`/,
  },
  {
    plugin: "extractor-writes-text",
    breaks: ["scraper/declared-writes"],
    told: /holds f64 values, got string.*of its kind/,
  },
  { plugin: "scrape-never-ends", breaks: ["scraper/abort"], told: /after its signal had aborted.*io\.signal/ },
  {
    plugin: "scrape-writes-after-abort",
    breaks: ["scraper/abort"],
    told: /wrote pointsman\/waiting-requests@1 after it had ended/,
  },
  { plugin: "discovery-never-ends", breaks: ["discovery/abort"], told: /discover\(\) had not ended.*Pass the signal/ },
  {
    plugin: "throws-the-second-time",
    breaks: ["hooks/twice"],
    told: /afterResponse threw at the second call.*only once/,
  },
  {
    plugin: "counts-below-zero",
    breaks: ["hooks/twice"],
    told: /in-flight-requests of pod-0 is -1.*give it back only once/,
  },
  {
    plugin: "expects-a-choice",
    breaks: ["hooks/without-choice"],
    told: /without postChoice, with the outcome "rejected".*Expect afterResponse/,
  },
  {
    plugin: "interval-not-cleared",
    breaks: ["lifecycle/no-handles"],
    told: /a timer \(started at .*interval-not-cleared\/index\.js:\d+\).*onStop\(\)/,
  },
  {
    plugin: "stop-without-start",
    breaks: ["lifecycle/stop-idempotent"],
    told: /stop\(\) without start\(\) threw TypeError.*do nothing/,
  },
  {
    plugin: "setup-fails-half-way",
    breaks: ["lifecycle/setup-failure"],
    told: /failed at its call 1 .*a timer \(started at .*onStop\(\) right after/,
  },
  { plugin: "filter-without-empties", breaks: ["lifecycle/host-accepts", "trace/replay"], told: /`empties` must be/ },
  {
    plugin: "tires-after-twenty",
    breaks: ["trace/replay"],
    told: /failed 2 times: enough for today.*Look at the fault/,
  },
];

const check = (plugin: string, options: ConformanceOptions = {}) =>
  checkPluginPackage(join(fixtures, plugin), { numRuns: 25, ...options });

describe("a wrong plugin is caught, and its author is told how to mend it", () => {
  it.concurrent.each(cases)("$plugin breaks $breaks", async ({ plugin, breaks, told }) => {
    const report = await check(plugin);
    const failures = report.results.filter(({ status }) => status === "failed");
    expect(failures.map(({ id }) => id)).toEqual(breaks);
    expect(failures[0]?.message).toMatch(told);
    expect(failures[0]?.message).toMatch(/\. To mend it: ./);
    expect(report.ok).toBe(false);
  });
});

it("there is a wrong plugin for every rule that is judged", () => {
  const caught = new Set(cases.flatMap(({ breaks }) => breaks));
  const rules = [...packageRules, ...typeRules].map(({ id }) => id).filter((id) => id !== "cost/per-1000-endpoints");
  expect(rules.filter((id) => !caught.has(id as RuleId))).toEqual([]);
  const tested = new Set([...cases.map(({ plugin }) => plugin), ...others]);
  expect(readdirSync(fixtures).filter((name) => !tested.has(name))).toEqual([]);
});

const others = ["well-made", "process-exit-when-asked", "blocks-for-ever", "promise-left-to-nobody", "vitest-run"];

it("a plugin that keeps the contract passes, and its cost is measured", async () => {
  const report = await check("well-made");
  expect(report.results.filter(({ status }) => status === "failed")).toEqual([]);
  expect(report.ok).toBe(true);
  expect(report.measurements.map(({ capability, endpoints }) => `${capability} ${endpoints}`)).toEqual([
    "filter 1000",
    "scorer 1000",
  ]);
  expect(report.measurements.every(({ p50Us, p99Us }) => p50Us > 0 && p99Us >= p50Us)).toBe(true);
});

it("a package without a copy of the plugin API is checked with the one the host lends", async () => {
  const dir = mkdtempSync(join(tmpdir(), "pointsman-testkit-"));
  cpSync(join(fixtures, "well-made"), dir, { recursive: true });
  const { results } = await checkPluginPackage(dir, { numRuns: 10 });
  expect(results.filter(({ status }) => status === "failed")).toEqual([]);
  rmSync(dir, { recursive: true });
});

it("a plugin that ends the process is a finding, and the other rules are still checked", async () => {
  const report = await check("process-exit-when-asked");
  const failures = report.results.filter(({ status }) => status === "failed");
  expect(failures.map(({ id }) => id)).toEqual(["call/synchronous", "call/no-throw", "call/no-mutation"]);
  expect(failures[0]?.message).toMatch(/the process ended with exit code 7.*no process\.exit\(\)/i);
  expect(report.results.find(({ id }) => id === "manifest/writes")?.status).toBe("passed");
  expect(report.results.find(({ id }) => id === "trace/replay")).toMatchObject({
    status: "skipped",
    message: expect.stringContaining("ended or blocked the process 3 times"),
  });
});

it("a plugin that blocks is a finding too", async () => {
  const report = await check("blocks-for-ever", { ruleTimeoutMs: 1_500 });
  expect(report.results.find(({ id }) => id === "call/synchronous")).toMatchObject({
    status: "failed",
    message: expect.stringMatching(/did not come to an end.*no endless loop/),
  });
});

it("an error that nobody waits for is attributed to the call that caused it", async () => {
  const { results } = await check("promise-left-to-nobody");
  expect(results.find(({ id }) => id === "call/synchronous")?.message).toMatch(
    /left to nobody during this check: Error: nobody waits for this.*catch\(\)/,
  );
  expect(results.find(({ id }) => id === "lifecycle/no-handles")?.status).toBe("passed");
});
