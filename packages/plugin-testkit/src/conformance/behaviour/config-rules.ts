import { type ConfigIssue, parseParameters } from "../../definition.ts";
import { failed, lacking, passed, skipped, type Verdict } from "../report.ts";
import { sampleParameters, statedDefaults, wrongValues } from "../sample-parameters.ts";
import type { Subject } from "../subject.ts";
import { describeValue } from "./check-property.ts";

const STRANGER = "thisIsNoOption";

export function configValid(subject: Subject): Verdict {
  const given = subject.options.validConfigs;
  const examples = (subject.inputSchema?.["examples"] ?? []) as readonly unknown[];
  for (const config of [...(given ?? []), ...examples]) {
    const issues = issuesOf(subject, config);
    if (issues.length > 0) return failed(`${describeValue(config)} is refused: ${describeIssues(issues)}`);
  }
  if (subject.configs.length > 0) return passed;
  const tried = describeValue(sampleParameters(subject.inputSchema).at(-1));
  return lacking(`no valid config could be found (${tried} is refused): give \`validConfigs\``);
}

export function configDefaults(subject: Subject): Verdict {
  const defaults = statedDefaults(subject.inputSchema);
  if (defaults.length === 0) return skipped("no option has a default");
  // Beside one of the valid configs is enough: some defaults are only refused together.
  const bases = subject.configs.length > 0 ? subject.configs : [{}];
  for (const { option, value } of defaults) {
    const refusals = bases.map((base) =>
      issuesOf(subject, { ...(base as object), [option]: value }).filter(({ path }) => path[0] === option),
    );
    if (refusals.every((own) => own.length > 0))
      return failed(`the default of ${option}, ${describeValue(value)}, is refused: ${describeIssues(refusals[0]!)}`);
  }
  return passed;
}

export function configInvalid(subject: Subject): Verdict {
  const given = subject.options.invalidConfigs ?? [];
  for (const config of given) {
    const issues = issuesOf(subject, config);
    if (issues.length === 0) return failed(`${describeValue(config)} is accepted`);
    if (issues.every(({ path }) => path.length === 0)) {
      return failed(`${describeValue(config)} is refused without a path: ${describeIssues(issues)}`);
    }
  }
  const base = (subject.configs[0] ?? {}) as object;
  const wrong = wrongValues(subject.inputSchema);
  for (const { option, value } of wrong) {
    const config = { ...base, [option]: value };
    const issues = issuesOf(subject, config);
    if (issues.length === 0) return failed(`${describeValue(config)} is accepted, though ${option} is of another type`);
    if (!issues.some(({ path }) => path[0] === option)) {
      return failed(`${describeValue(config)} is refused without the path "${option}": ${describeIssues(issues)}`);
    }
  }
  return given.length + wrong.length > 0 ? passed : skipped("no option has a plain type; give `invalidConfigs`");
}

export function configUnknownKeys(subject: Subject): Verdict {
  const base = (subject.configs[0] ?? {}) as object;
  const issues = issuesOf(subject, { ...base, [STRANGER]: true });
  if (issues.length === 0) return failed(`the option "${STRANGER}" is accepted, which nobody knows`);
  const named = issues.some(({ path, message }) => path.includes(STRANGER) || message.includes(STRANGER));
  return named ? passed : failed(`an unknown option is refused without its name: ${describeIssues(issues)}`);
}

function issuesOf({ spec }: Subject, config: unknown): readonly ConfigIssue[] {
  const parsed = parseParameters(spec, config);
  return "issues" in parsed ? parsed.issues : [];
}

function describeIssues(issues: readonly ConfigIssue[]): string {
  return issues
    .map(({ path, message }) => `${path.length === 0 ? "parameters" : path.join(".")}: ${message}`)
    .join("; ");
}
