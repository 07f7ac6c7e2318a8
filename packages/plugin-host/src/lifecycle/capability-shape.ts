import type { CapabilityName } from "@pointsman/plugin-api";

/** Functions without which a capability cannot be called. Hooks are functions themselves. */
const functionsOf: Readonly<Partial<Record<CapabilityName, readonly string[]>>> = {
  filter: ["filter"],
  scorer: ["score"],
  picker: ["pick"],
  profileHandler: ["next", "primary"],
  decider: ["decide"],
  producer: ["produce"],
  scraper: ["scrape"],
  extractor: ["extract"],
  discovery: ["discover"],
  parser: ["parse"],
  admitter: ["admit"],
  connector: ["run"],
};

/** Lists of strings that the host reads before the first call. */
const listsOf: Readonly<Partial<Record<CapabilityName, string>>> = { parser: "claims", extractor: "accepts" };

/** Says what a capability of this name lacks; undefined when it can be used. */
export function lackOf(name: CapabilityName, value: unknown): string | undefined {
  const functions = functionsOf[name];
  if (functions === undefined) return typeof value === "function" ? undefined : "it must be a function";
  if (typeof value !== "object" || value === null) return "it must be an object";
  const members = value as Readonly<Record<string, unknown>>;
  const absent = functions.find((member) => typeof members[member] !== "function");
  if (absent !== undefined) return `${absent}() is missing`;
  const list = listsOf[name];
  if (list !== undefined && !isStringList(members[list])) return `\`${list}\` must be a list of strings`;
  if (name === "filter" && members["empties"] !== "ineligible" && members["empties"] !== "overloaded") {
    return '`empties` must be "ineligible" or "overloaded"';
  }
  return undefined;
}

function isStringList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
