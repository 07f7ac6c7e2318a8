import { standardAttributes } from "../arbitrary/arbitrary-pool.ts";
import type { TestEndpoint } from "../test-pool.ts";
import { parseTrace, readEndpoint, type TraceEndpoint } from "../trace/trace.ts";
import type { ConformanceOptions, TypeOptions } from "./options.ts";

const typeMembers = [
  "validConfigs",
  "invalidConfigs",
  "failingConfigs",
  "endpoints",
  "headers",
  "profiles",
  "traces",
  "payloads",
] as const;
const members: readonly string[] = [...typeMembers, "types", "seed", "numRuns", "ruleTimeoutMs"];

/**
 * Reads options from a file's content: the same members as {@link ConformanceOptions}, with attributes of endpoints by
 * key (`{ "name": "pod-0", "attributes": { "pointsman/waiting-requests@1": 3 } }`).
 * @throws Error with the name of the member that is wrong.
 */
export function parseConformanceOptions(value: unknown): ConformanceOptions {
  const given = recordOf(value, "the options");
  refuseStrangers(given, members, "the options");
  const types = given["types"] === undefined ? {} : recordOf(given["types"], "`types`");
  for (const name of ["seed", "numRuns", "ruleTimeoutMs"]) {
    if (given[name] !== undefined && !Number.isInteger(given[name]))
      throw new Error(`\`${name}\` must be a whole number`);
  }
  const { seed, numRuns, ruleTimeoutMs } = given as Pick<ConformanceOptions, "seed" | "numRuns" | "ruleTimeoutMs">;
  return {
    ...readTypeOptions(given, ""),
    types: Object.fromEntries(
      Object.entries(types).map(([type, options]) => {
        const own = recordOf(options, `\`types.${type}\``);
        refuseStrangers(own, typeMembers, `\`types.${type}\``);
        return [type, readTypeOptions(own, `types.${type}.`)];
      }),
    ),
    ...(seed === undefined ? {} : { seed }),
    ...(numRuns === undefined ? {} : { numRuns }),
    ...(ruleTimeoutMs === undefined ? {} : { ruleTimeoutMs }),
  };
}

function readTypeOptions(given: Readonly<Record<string, unknown>>, at: string): TypeOptions {
  const options: Record<string, unknown> = {};
  for (const name of typeMembers) {
    const value = given[name];
    if (value === undefined) continue;
    if (!Array.isArray(value)) throw new Error(`\`${at}${name}\` must be a list`);
    if (name === "traces") options[name] = value.map(parseTrace);
    else if (name === "endpoints") options[name] = value.map((pool, i) => readPool(pool, `${at}endpoints[${i}]`));
    else options[name] = value;
  }
  return options as TypeOptions;
}

function readPool(pool: unknown, at: string): readonly TestEndpoint[] {
  if (!Array.isArray(pool)) throw new Error(`\`${at}\` must be a list of endpoints: one list per pool`);
  return (pool as readonly TraceEndpoint[]).map((endpoint) => {
    const unknown = Object.keys(endpoint.attributes ?? {}).find(
      (key) => !standardAttributes.some((known) => known.key === key),
    );
    if (unknown !== undefined)
      throw new Error(`\`${at}\` names the attribute "${unknown}", which is none of the standard ones`);
    return readEndpoint(endpoint, []);
  });
}

function recordOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${what} must be an object`);
  return value as Readonly<Record<string, unknown>>;
}

function refuseStrangers(value: Readonly<Record<string, unknown>>, known: readonly string[], what: string): void {
  const stranger = Object.keys(value).find((name) => !known.includes(name));
  if (stranger !== undefined) throw new Error(`${what} have no member "${stranger}"; known are ${known.join(", ")}`);
}
