import { type ModelSimOptions, type OptionRule, optionNames, optionTable } from "./option-table.ts";

/** An option that cannot be used. `option` is its name in {@link ModelSimOptions}. */
export class ModelSimOptionError extends Error {
  readonly code = "POINTSMAN_SIM_BAD_OPTION";
  readonly option: string;
  /** What is wrong, without the name of the option: the command line puts its flag in front of it. */
  readonly reason: string;

  constructor(option: string, reason: string) {
    super(`${option}: ${reason}`);
    this.name = "ModelSimOptionError";
    this.option = option;
    this.reason = reason;
  }
}

const KV_ADDRESS = /^tcp:\/\/(\*|\[[0-9a-fA-F:]+\]|[^:/]+):\d{1,5}$/;

/** @returns what is wrong with the value under this rule, or undefined */
export function checkOptionValue(rule: OptionRule, value: unknown): string | undefined {
  switch (rule.kind) {
    case "text":
      return typeof value === "string" && isLabel(value) ? undefined : "must be a text of visible ASCII characters";
    case "choice":
      return rule.values.includes(value as string) ? undefined : `must be one of ${rule.values.join(", ")}`;
    case "path":
      return typeof value === "string" && !value.includes("\0") ? undefined : "must be a path";
    case "names":
      if (!Array.isArray(value) || !value.every((name) => typeof name === "string" && isLabel(name))) {
        return "must be a list of names of visible ASCII characters";
      }
      if (value.some((name: string) => name.includes(","))) return "a name must not contain a comma";
      return new Set(value).size === value.length ? undefined : "lists a name twice";
    case "integer":
    case "number": {
      const fits = typeof value === "number" && value >= rule.min && value <= rule.max;
      if (fits && (rule.kind === "number" || Number.isInteger(value))) return undefined;
      return `must be ${rule.kind === "integer" ? "an integer" : "a number"} from ${rule.min} to ${rule.max}, not ${JSON.stringify(value)}`;
    }
  }
}

/** Names end up in header values and in metric labels. */
function isLabel(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/**
 * Fills in the defaults and checks everything.
 *
 * @throws {ModelSimOptionError} on the first option that is unknown or whose value breaks its rule
 */
export function parseModelSimOptions(given: Partial<ModelSimOptions>): ModelSimOptions {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(optionTable, name)) throw new ModelSimOptionError(name, "is not an option");
  }
  const options: Record<string, unknown> = {};
  for (const name of optionNames) {
    const value = given[name] ?? optionTable[name].fallback;
    const problem = checkOptionValue(optionTable[name].rule, value);
    if (problem !== undefined) throw new ModelSimOptionError(name, problem);
    options[name] = value;
  }
  const parsed = options as unknown as ModelSimOptions;
  if (parsed.models.length === 0) throw new ModelSimOptionError("models", "must name at least one model");
  for (const name of ["kvEvents", "kvReplay"] as const) {
    if (parsed[name] === "off" || KV_ADDRESS.test(parsed[name])) continue;
    throw new ModelSimOptionError(name, `must be off or an address such as tcp://*:5557, not ${parsed[name]}`);
  }
  if (parsed.kvReplay !== "off" && !parsed.kvReplay.startsWith("tcp://*:")) {
    throw new ModelSimOptionError("kvReplay", "must be an address to listen on, such as tcp://*:5558");
  }
  if (parsed.kvEncoding !== "map" && parsed.kvEncoding !== "array") {
    throw new ModelSimOptionError("kvEncoding", "must be map or array");
  }
  for (const lora of parsed.loras) {
    if (parsed.models.includes(lora)) throw new ModelSimOptionError("loras", `"${lora}" is the name of a model too`);
  }
  return parsed;
}
