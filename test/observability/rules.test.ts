import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { describeWithProgram } from "./harness/describe-with-program.ts";
import { rulesFile } from "./harness/shipped.ts";

const unitTests = join(import.meta.dirname, "rules.test.yaml");
const promtool = (...args: string[]): string => execFileSync("promtool", args, { encoding: "utf8", stdio: "pipe" });

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert?: string }[] }[];
}
interface UnitTests {
  readonly tests: readonly {
    readonly alert_rule_test?: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
  }[];
}

describeWithProgram("the rules", "promtool", "Debian's package prometheus brings it", () => {
  it("are rules that Prometheus takes", () => {
    expect(promtool("check", "rules", rulesFile)).toMatch(/SUCCESS: \d+ rules found/);
  });

  it("fire when they must, and not otherwise", () => {
    expect(promtool("test", "rules", unitTests)).toContain("SUCCESS");
  });

  it("are tested each, both ways", () => {
    const { groups } = parse(readFileSync(rulesFile, "utf8")) as Rules;
    const alerts = groups.flatMap(({ rules }) => rules.flatMap(({ alert }) => alert ?? [])).sort();
    const { tests } = parse(readFileSync(unitTests, "utf8")) as UnitTests;
    const cases = tests.flatMap(({ alert_rule_test: list = [] }) => list);
    const tested = (fires: boolean): string[] => [
      ...new Set(cases.filter((each) => each.exp_alerts.length > 0 === fires).map(({ alertname }) => alertname)),
    ];
    expect(tested(true).sort()).toEqual(alerts);
    expect(tested(false).sort()).toEqual(alerts);
  });
});
