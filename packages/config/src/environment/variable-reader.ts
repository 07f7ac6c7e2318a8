import { type Diagnostic, type DiagnosticCode, type DiagnosticDetails, diagnostic } from "@pointsman/diagnostics";
import type { NumberVariable } from "./variables.ts";

/** The variables of a process. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** A value and the variable it is from; with `isDefault` the variable is not set, or not understood. */
export interface Traced<T> {
  readonly value: T;
  readonly variable: string;
  readonly isDefault: boolean;
}

/** Reads typed values of variables and collects what is wrong with them. */
export interface VariableReader {
  report(code: DiagnosticCode, variable: string, message: string, details?: DiagnosticDetails): void;
  isSet(name: string): boolean;
  /** Go's `ParseBool`, a superset of the first releases' `true`; anything else is false, with a warning. */
  flag(name: string): Traced<boolean>;
  number(variable: NumberVariable): Traced<number>;
  /** A weight: an integer, or, as in llm-d 0.0.1, a decimal number (with a warning). Default 1. */
  weight(name: string): Traced<number>;
  /** A text that is not blank. */
  text(name: string): Traced<string> | undefined;
  diagnostics(): readonly Diagnostic[];
}

const yes = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const no = new Set(["0", "f", "F", "FALSE", "false", "False"]);
const integer = /^[+-]?\d+$/;
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const defaultWeight = 1;

export function createVariableReader(variables: Variables): VariableReader {
  const found: Diagnostic[] = [];
  const report: VariableReader["report"] = (code, variable, message, details = {}) => {
    found.push(diagnostic(code, message, { ...details, notes: [variableNote(variable), ...(details.notes ?? [])] }));
  };
  const numberOf = (spec: NumberVariable, usedDefault: string): Traced<number> => {
    const { name, form, default: fallback, min, max } = spec;
    const text = variables[name];
    const byDefault = { value: fallback, variable: name, isDefault: true };
    if (text === undefined) return byDefault;
    if (!(form === "integer" ? integer : decimal).test(text)) {
      const wanted = form === "integer" ? "a whole number without blanks" : "a number";
      report("POINTSMAN_ENV_VALUE", name, `${name} is ${shown(text)}, not ${wanted}: ${usedDefault} is used.`);
      return byDefault;
    }
    const value = Number(text);
    const isSafe = form === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value);
    if (!isSafe || value < min || (max !== undefined && value > max)) {
      report("POINTSMAN_ENV_RANGE", name, `${name} is ${shown(text)}; it must be ${rangeText(spec)}.`);
      return byDefault;
    }
    return { value, variable: name, isDefault: false };
  };
  return {
    report,
    isSet: (name) => variables[name] !== undefined,
    flag(name) {
      const text = variables[name];
      if (text !== undefined && !yes.has(text) && !no.has(text)) {
        report("POINTSMAN_ENV_VALUE", name, `${name} is ${shown(text)}, neither true nor false: it counts as false.`);
      }
      return { value: text !== undefined && yes.has(text), variable: name, isDefault: text === undefined };
    },
    number: (spec) => numberOf(spec, `the default ${spec.default}`),
    weight(name) {
      const text = variables[name];
      const isDecimal = text !== undefined && decimal.test(text) && !integer.test(text);
      if (isDecimal) {
        const message = `${name} is ${shown(text)}: the first llm-d releases after 0.0.1 took whole numbers only.`;
        report("POINTSMAN_ENV_VALUE", name, message, { hint: "It is used as it is." });
      }
      const form = isDecimal ? "decimal" : "integer";
      return numberOf({ name, form, default: defaultWeight, min: 0, usedBy: [] }, `the weight ${defaultWeight}`);
    },
    text(name) {
      const value = variables[name]?.trim() ?? "";
      return value === "" ? undefined : { value, variable: name, isDefault: false };
    },
    diagnostics: () => found,
  };
}

export function variableNote(variable: string): { label: string; text: string } {
  return { label: "variable", text: variable };
}

function rangeText({ form, min, max }: NumberVariable): string {
  const kind = form === "integer" ? "a whole number" : "a number";
  const low = min === Number.MIN_VALUE ? "above 0" : `of at least ${min}`;
  return max === undefined ? `${kind} ${low}` : `${kind} ${low} and at most ${max}`;
}

/** Numbers and switches are no secrets, but what stands in them by mistake may be long. */
function shown(text: string): string {
  const cut = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return JSON.stringify(cut);
}
