import * as answer from "./behaviour/answer-rules.ts";
import * as calls from "./behaviour/call-rules.ts";
import { textOf } from "./behaviour/check-property.ts";
import * as config from "./behaviour/config-rules.ts";
import { cost } from "./behaviour/cost-rule.ts";
import * as data from "./behaviour/data-rules.ts";
import * as definition from "./behaviour/definition-rules.ts";
import * as hooks from "./behaviour/hook-rules.ts";
import * as lifecycle from "./behaviour/lifecycle-rules.ts";
import { noRetainedReferences } from "./behaviour/retention-rule.ts";
import { traceReplay } from "./behaviour/trace-rule.ts";
import * as voter from "./behaviour/voter-rules.ts";
import { failed, type Measurement, type RuleResult, ruleResult, type Verdict } from "./report.ts";
import { type TypeRuleId, typeRules } from "./rule-catalogue.ts";
import type { Subject } from "./subject.ts";

type Check = (subject: Subject, measured: (measurement: Measurement) => void) => Verdict | Promise<Verdict>;

const checks: Readonly<Record<TypeRuleId, Check>> = {
  "manifest/aliases": definition.aliases,
  "manifest/stability": definition.stability,
  "manifest/reads": definition.reads,
  "manifest/writes": definition.writes,
  "manifest/capabilities": definition.capabilities,
  "manifest/schema": definition.schemaFile,
  "config/valid": config.configValid,
  "config/defaults": config.configDefaults,
  "config/invalid": config.configInvalid,
  "config/unknown-keys": config.configUnknownKeys,
  "setup/works": definition.setupWorks,
  "call/synchronous": calls.synchronous,
  "call/no-throw": calls.noThrow,
  "call/no-mutation": calls.noMutation,
  "call/no-retained-references": noRetainedReferences,
  "call/determinism": voter.determinism,
  "call/order-independence": voter.orderIndependence,
  "filter/flags": voter.filterFlags,
  "scorer/range": voter.scorerRange,
  "scorer/nan-policy": voter.scorerNanPolicy,
  "picker/ranking": voter.pickerRanking,
  "decider/answer": answer.deciderAnswer,
  "handler/ends": answer.handlerEnds,
  "admitter/answer": answer.admitterAnswer,
  "parser/answer": answer.parserAnswer,
  "producer/declared-writes": data.producerDeclaredWrites,
  "scraper/declared-writes": data.scraperDeclaredWrites,
  "scraper/abort": data.scraperAbort,
  "discovery/abort": data.discoveryAbort,
  "hooks/twice": hooks.hooksTwice,
  "hooks/without-choice": hooks.hooksWithoutChoice,
  "lifecycle/no-handles": lifecycle.noHandles,
  "lifecycle/stop-idempotent": lifecycle.stopIdempotent,
  "lifecycle/setup-failure": lifecycle.setupFailure,
  "lifecycle/host-accepts": lifecycle.hostAccepts,
  "trace/replay": traceReplay,
  "cost/per-1000-endpoints": cost,
};

const UNFINISHED = "Mend first what the other rules have found; a message of the host says what it means.";
const STRAY = "Wait for your promises or give them a catch(), and catch what the tasks of your timers throw.";

/** What is told while a type is checked. */
export interface Listener {
  begin(id: TypeRuleId): void;
  result(result: RuleResult): void;
  measured(measurement: Measurement): void;
}

/** Checks one type with every rule that was not checked before, one after the other. Never rejects. */
export async function checkDefinition(
  subject: Subject,
  listener: Listener,
  done: ReadonlySet<string> = new Set(),
  /** What went wrong beside the call, in a timer or a promise nobody waited for. */
  stray: () => unknown = () => undefined,
): Promise<void> {
  for (const { id } of typeRules as readonly { readonly id: TypeRuleId }[]) {
    if (done.has(id)) continue;
    listener.begin(id);
    let verdict: Verdict;
    try {
      verdict = await checks[id](subject, (measurement) => listener.measured(measurement));
    } catch (error) {
      verdict = failed(`the check could not be finished: ${textOf(error)}`, UNFINISHED);
    }
    await new Promise((resolve) => setImmediate(resolve));
    const beside = stray();
    if (beside !== undefined)
      verdict = failed(`an error was left to nobody during this check: ${textOf(beside)}`, STRAY);
    listener.result(ruleResult(id, subject.type, verdict));
  }
}
