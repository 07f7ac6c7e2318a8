import type { ConformanceOptions } from "../options.ts";
import { failed, type Measurement, type RuleResult, ruleResult, skipped } from "../report.ts";
import { type TypeRuleId, typeRules } from "../rule-catalogue.ts";
import type { CheckEvent, CheckOrder, ImportFacts } from "./messages.ts";
import { describeExit, startProcess } from "./start-process.ts";

const IMPORT_TIMEOUT_MS = 15_000;
const DEADLY =
  "Leave the process alone: no process.exit(), no endless loop, no unlimited memory; throw an error instead.";
/** A plugin that ends the process this often is not asked further. */
const MOST_DEATHS = 3;

/** Imports a package in a process of its own. A process that dies or hangs is a finding too. */
export async function probeImport(dir: string): Promise<ImportFacts> {
  const child = startProcess("import-probe");
  const nothing = { types: [], twice: undefined, handles: [], env: [], globals: [] };
  const facts = await new Promise<ImportFacts>((resolve) => {
    const limit = setTimeout(() => {
      resolve({ ...nothing, problem: `the import has not ended after ${IMPORT_TIMEOUT_MS} ms` });
    }, IMPORT_TIMEOUT_MS);
    child.process.once("message", (message) => {
      clearTimeout(limit);
      resolve(message as ImportFacts);
    });
    child.process.once("close", (code, signal) => {
      clearTimeout(limit);
      const words = child.lastWords();
      resolve({
        ...nothing,
        problem: `during the import the process ${describeExit(code, signal)}${words && `: ${words}`}`,
      });
    });
    child.process.send(dir);
  });
  await child.kill();
  return facts;
}

/** Results of the rules about types, from processes that a plugin may bring down. */
export async function runChecks(
  dir: string,
  types: readonly string[],
  options: ConformanceOptions,
): Promise<{ readonly results: readonly RuleResult[]; readonly measurements: readonly Measurement[] }> {
  const results: RuleResult[] = [];
  const measurements: Measurement[] = [];
  for (let deaths = 0; deaths < MOST_DEATHS; deaths += 1) {
    const done = results.map(({ type, id }) => `${type} ${id}`);
    const death = await runOnce({ dir, options, done }, results, measurements);
    if (death === undefined) return { results, measurements };
    if (death.during === undefined) {
      for (const { type, id } of missing(types, results))
        results.push(ruleResult(id, type, failed(death.finding, DEADLY)));
      return { results, measurements };
    }
    results.push(ruleResult(death.during.id, death.during.type, failed(death.finding, DEADLY)));
  }
  for (const { type, id } of missing(types, results)) {
    results.push(
      ruleResult(id, type, skipped(`not checked: the plugin ended or blocked the process ${MOST_DEATHS} times`)),
    );
  }
  return { results, measurements };
}

interface Death {
  readonly finding: string;
  /** The rule that ran; undefined before the first one. */
  readonly during: { readonly type: string; readonly id: TypeRuleId } | undefined;
}

async function runOnce(
  order: CheckOrder,
  results: RuleResult[],
  measurements: Measurement[],
): Promise<Death | undefined> {
  const limitMs = 1.5 * (order.options.ruleTimeoutMs ?? 20_000);
  const child = startProcess("check-process");
  let during: Death["during"];
  let finished = false;
  const death = await new Promise<Death | undefined>((resolve) => {
    let limit: NodeJS.Timeout | undefined;
    const watch = (): void => {
      clearTimeout(limit);
      limit = setTimeout(
        () => resolve({ finding: `the check did not come to an end within ${limitMs} ms`, during }),
        limitMs,
      );
    };
    child.process.on("message", (message) => {
      const event = message as CheckEvent;
      watch();
      if (event.kind === "begin") during = event;
      else if (event.kind === "result") results.push(event.result);
      else if (event.kind === "measured") measurements.push(event.measurement);
      else finished = true;
      if (finished) resolve(undefined);
    });
    child.process.once("close", (code, signal) => {
      clearTimeout(limit);
      const words = child.lastWords();
      const finding = `the process ${describeExit(code, signal)}${words && `: ${words}`}`;
      resolve(finished ? undefined : { finding, during });
    });
    watch();
    child.process.send(order);
  });
  await child.kill();
  return death;
}

function missing(types: readonly string[], results: readonly RuleResult[]) {
  const done = new Set(results.map(({ type, id }) => `${type} ${id}`));
  return types.flatMap((type) =>
    (typeRules as readonly { readonly id: TypeRuleId }[])
      .filter(({ id }) => !done.has(`${type} ${id}`))
      .map(({ id }) => ({ type, id })),
  );
}
