import type { ConformanceOptions } from "../options.ts";
import type { Measurement, RuleResult } from "../report.ts";
import type { TypeRuleId } from "../rule-catalogue.ts";

/** What the import of a package did, seen from a process of its own. */
export interface ImportFacts {
  /** Why it cannot be imported, in the host's words; then the rest is empty. */
  readonly problem: string | undefined;
  readonly types: readonly string[];
  /** Why a second copy of the module cannot be loaded, or differs from the first. */
  readonly twice: string | undefined;
  /** What keeps running, with the line that started it. */
  readonly handles: readonly string[];
  /** Environment variables that were written or removed. */
  readonly env: readonly string[];
  /** Globals that were added, replaced or extended. */
  readonly globals: readonly string[];
}

/** Told to the process that checks the behaviour of a package's types. */
export interface CheckOrder {
  readonly dir: string;
  readonly options: ConformanceOptions;
  /** `type rule` of what was checked before. */
  readonly done: readonly string[];
}

export type CheckEvent =
  | { readonly kind: "begin"; readonly type: string; readonly id: TypeRuleId }
  | { readonly kind: "result"; readonly result: RuleResult }
  | { readonly kind: "measured"; readonly measurement: Measurement }
  | { readonly kind: "done" };
