import { parseDuration, parseQuantity } from "@pointsman/config";
import { type Diagnostic, diagnostic, suggest } from "@pointsman/diagnostics";
import type { FlagSpec, FlagSpecs, FlagValues } from "./flags.ts";

export interface ParsedFlags<Specs extends FlagSpecs> {
  readonly values: FlagValues<Specs>;
  /** Names that were given, as opposed to defaulted. */
  readonly given: ReadonlySet<keyof Specs & string>;
  /** Arguments that are no flags. */
  readonly positionals: readonly string[];
  /** `--help` or `-h` was among the arguments. */
  readonly help: boolean;
  /** All mistakes, and warnings about flags without effect. */
  readonly diagnostics: readonly Diagnostic[];
}

/** A flag's text does not fit its kind; the message completes "--name …". */
class FlagFault extends Error {}

/**
 * Parses `--name value`, `--name=value`, bare booleans (`--name`, `--name=false`) and `-x value`. After `--`
 * everything is positional. Never throws; the values of wrong flags are their defaults.
 */
export function parseFlags<Specs extends FlagSpecs>(specs: Specs, argv: readonly string[]): ParsedFlags<Specs> {
  const diagnostics: Diagnostic[] = [];
  const positionals: string[] = [];
  const given = new Set<keyof Specs & string>();
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(specs)) values[name] = defaultOf(spec);
  const byShort = new Map(
    Object.entries(specs).flatMap(([name, { short }]) => (short ? [[short, name] as const] : [])),
  );
  let help = false;

  for (let i = 0; i < argv.length; i += 1) {
    const argument = argv[i]!;
    if (argument === "--") {
      positionals.push(...argv.slice(i + 1));
      break;
    }
    if (argument === "--help" || argument === "-h") {
      help = true;
      continue;
    }
    if (!/^-{1,2}[A-Za-z]/.test(argument)) {
      positionals.push(argument);
      continue;
    }
    const [head, inline] = splitOnce(argument);
    const name = head.startsWith("--") ? head.slice(2) : (byShort.get(head.slice(1)) ?? head.slice(1));
    const spec = specs[name];
    if (spec === undefined || (!head.startsWith("--") && head.length > 2)) {
      diagnostics.push(unknownFlag(head, specs));
      continue;
    }
    let text = inline;
    if (text === undefined && takesValue(spec)) {
      text = argv[i + 1];
      if (text === undefined || /^--[A-Za-z]/.test(text)) {
        diagnostics.push(diagnostic("POINTSMAN_CLI_FLAG_VALUE", `--${name} needs a value.`));
        continue;
      }
      i += 1;
    }
    given.add(name);
    if (spec.kind === "ignored") {
      const message = `--${name} has no effect here: ${spec.help}.`;
      diagnostics.push(diagnostic("POINTSMAN_CLI_FLAG_VALUE", message, { severity: "warning" }));
      continue;
    }
    try {
      const value = parseValue(spec, text);
      values[name] = spec.kind === "list" ? [...(values[name] as string[]), ...(value as string[])] : value;
    } catch (fault) {
      const message = fault instanceof Error ? fault.message : String(fault);
      diagnostics.push(diagnostic("POINTSMAN_CLI_FLAG_VALUE", `--${name}: ${message}`));
    }
  }
  return { values: values as FlagValues<Specs>, given, positionals, help, diagnostics };
}

function splitOnce(argument: string): [head: string, value: string | undefined] {
  const at = argument.indexOf("=");
  return at < 0 ? [argument, undefined] : [argument.slice(0, at), argument.slice(at + 1)];
}

function takesValue(spec: FlagSpec): boolean {
  return spec.kind === "ignored" ? spec.bare !== true : spec.kind !== "boolean";
}

function defaultOf(spec: FlagSpec): unknown {
  if (spec.kind === "list") return [];
  return "default" in spec ? spec.default : undefined;
}

function parseValue(spec: FlagSpec, text: string | undefined): unknown {
  if (spec.kind === "boolean") {
    if (text === undefined || text === "true") return true;
    if (text === "false") return false;
    throw new FlagFault(`"${text}" is neither true nor false.`);
  }
  const given = text ?? "";
  switch (spec.kind) {
    case "integer":
    case "optional-integer": {
      const value = Number(given);
      if (/^-?\d+$/.test(given) && value >= spec.min && value <= spec.max) return value;
      throw new FlagFault(`"${given}" is no whole number from ${spec.min} to ${spec.max}.`);
    }
    case "duration": {
      const value = parseDuration(given);
      if (value < (spec.min ?? 0)) throw new FlagFault(`"${given}" is less than ${spec.min} ms.`);
      if (value > (spec.max ?? Number.POSITIVE_INFINITY))
        throw new FlagFault(`"${given}" is more than ${spec.max} ms.`);
      return value;
    }
    case "bytes":
      return parseQuantity(given);
    case "choice":
      if (spec.values.includes(given)) return given;
      throw new FlagFault(`"${given}" is none of ${spec.values.join(", ")}.`);
    case "list":
      return given.split(",").flatMap((item) => item.trim() || []);
    default:
      return given;
  }
}

function unknownFlag(head: string, specs: FlagSpecs): Diagnostic {
  const near = suggest(head.replace(/^-+/, ""), Object.keys(specs));
  const notes = near.map((name) => ({ label: "did you mean", text: `--${name}` }));
  return diagnostic("POINTSMAN_CLI_UNKNOWN_FLAG", `There is no flag ${head}.`, { notes });
}
