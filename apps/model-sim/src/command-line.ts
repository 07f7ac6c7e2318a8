import { type ModelSimOptions, type OptionRule, optionNames, optionTable } from "./option-table.ts";
import { checkOptionValue, ModelSimOptionError, parseModelSimOptions } from "./options.ts";

export type CommandLine =
  | { readonly kind: "help" }
  | { readonly kind: "error"; readonly message: string }
  | {
      readonly kind: "run";
      readonly options: ModelSimOptions;
      readonly servers: number;
      /** How long a drain may take. */
      readonly drainMs: number;
    };

/** Flags that concern the process, not one server. */
const processFlags = {
  servers: { rule: { kind: "integer", min: 1, max: 1000 }, fallback: 1, help: "servers, on consecutive ports" },
  "drain-ms": {
    rule: { kind: "integer", min: 0, max: 3_600_000 },
    fallback: 30_000,
    help: "after SIGTERM requests in flight may take so long to finish",
  },
} as const satisfies Record<string, { rule: OptionRule; fallback: number; help: string }>;

/**
 * Reads the flags of `pointsman sim`: `--flag value` or `--flag=value`. Flags for names may be repeated and take
 * comma-separated lists; of any other flag the last one counts.
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const given: Record<string, unknown> = {};
  const ofProcess: Record<string, number> = { servers: processFlags.servers.fallback };
  ofProcess["drain-ms"] = processFlags["drain-ms"].fallback;
  const rest = [...argv];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (argument === "--help" || argument === "-h") return { kind: "help" };
    if (!argument.startsWith("--")) return failure(`unexpected argument "${argument}"`);
    const equals = argument.indexOf("=");
    const flag = equals < 0 ? argument.slice(2) : argument.slice(2, equals);
    const name = optionNames.find((option) => optionTable[option].flag === flag);
    const rule = name !== undefined ? optionTable[name].rule : ruleOfProcessFlag(flag);
    if (rule === undefined) return failure(`unknown flag --${flag}`);
    const text = equals < 0 ? rest.shift() : argument.slice(equals + 1);
    if (text === undefined) return failure(`--${flag} needs a value`);
    const value = parseValue(rule, text);
    const problem = checkOptionValue(rule, value);
    if (problem !== undefined) return failure(`--${flag} ${problem}`);
    if (name === undefined) ofProcess[flag] = value as number;
    else if (rule.kind === "names")
      given[name] = [...((given[name] as string[] | undefined) ?? []), ...(value as string[])];
    else given[name] = value;
  }
  try {
    const options = parseModelSimOptions(given as Partial<ModelSimOptions>);
    const servers = ofProcess["servers"]!;
    if (options.port !== 0 && options.port + servers - 1 > 65_535) {
      return failure(`--servers ${servers} do not fit between --port ${options.port} and 65535`);
    }
    return { kind: "run", options, servers, drainMs: ofProcess["drain-ms"]! };
  } catch (error) {
    if (!(error instanceof ModelSimOptionError)) throw error;
    return failure(`--${optionTable[error.option as keyof ModelSimOptions].flag} ${error.reason}`);
  }
}

function failure(message: string): CommandLine {
  return { kind: "error", message };
}

function ruleOfProcessFlag(flag: string): OptionRule | undefined {
  return Object.hasOwn(processFlags, flag) ? processFlags[flag as keyof typeof processFlags].rule : undefined;
}

function parseValue(rule: OptionRule, text: string): unknown {
  if (rule.kind === "text" || rule.kind === "choice") return text;
  if (rule.kind === "names") return text.split(",").filter((name) => name !== "");
  return /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}

/** The text of `pointsman sim --help`. */
export function renderHelp(): string {
  const rows: [string, string][] = optionNames.map((name) => {
    const { flag, rule, fallback, help } = optionTable[name];
    const shown = Array.isArray(fallback) ? fallback.join(",") : String(fallback);
    return [`--${flag} ${placeholder(rule)}`, `${help} [${shown === "" ? "none" : shown}]`];
  });
  for (const [flag, { rule, fallback, help }] of Object.entries(processFlags)) {
    rows.push([`--${flag} ${placeholder(rule)}`, `${help} [${fallback}]`]);
  }
  rows.push(["--help", "this text"]);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return [
    "Usage: pointsman sim [flags]",
    "",
    "Simulated vLLM servers: OpenAI and Anthropic routes, streaming, queue, prefix cache, LoRA, /metrics.",
    "No model runs; answers are made-up words whose timing follows the flags.",
    "",
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`),
    "",
    "Failures on demand: POST /sim/failure. What the server has seen: GET /sim/state.",
    "",
  ].join("\n");
}

function placeholder(rule: OptionRule): string {
  if (rule.kind === "choice") return rule.values.join("|");
  return { integer: "N", number: "X", text: "TEXT", names: "A,B" }[rule.kind];
}
