import type { Attribute, Usage } from "@pointsman/plugin-api";
import { standardAttributes } from "../arbitrary/arbitrary-pool.ts";
import type { AttributeValue, TestEndpoint } from "../test-pool.ts";

/** A recording: a pool, what became of its state, requests, and what was decided. Plain JSON. */
export interface Trace {
  /** Format of the file. */
  readonly trace: 1;
  readonly about: string;
  readonly seed: number;
  readonly endpoints: readonly TraceEndpoint[];
  /** In the order of time. */
  readonly steps: readonly TraceStep[];
}

export interface TraceEndpoint {
  readonly name: string;
  readonly host?: string;
  readonly port?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly attributes?: TraceAttributes;
}

/** Values by attribute key (`pointsman/waiting-requests@1`); sets are lists. */
export type TraceAttributes = Readonly<Record<string, unknown>>;

/** One thing that happened, `at` milliseconds after the beginning. */
export type TraceStep =
  | { readonly at: number; readonly write: string; readonly attributes: TraceAttributes }
  | { readonly at: number; readonly request: TraceRequest; readonly picked: readonly string[] }
  | { readonly at: number; readonly answer: string; readonly status?: number; readonly usage?: Usage };

export interface TraceRequest {
  readonly id: string;
  readonly path?: string;
  readonly api?: string;
  readonly model?: string;
  readonly prompt?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly stream?: boolean;
  readonly maxOutputTokens?: number;
  readonly priority?: number;
}

/** @throws Error with the place of the first thing that is wrong. */
export function parseTrace(value: unknown): Trace {
  const fail = (what: string): never => {
    throw new Error(`this is no trace: ${what}`);
  };
  if (typeof value !== "object" || value === null) return fail("it must be an object");
  const { trace, endpoints, steps, seed } = value as Partial<Trace>;
  if (trace !== 1) fail(`its format is ${JSON.stringify(trace)}, the kit knows 1`);
  if (!Number.isInteger(seed)) fail("`seed` must be a whole number");
  if (!Array.isArray(endpoints)) fail("`endpoints` must be a list");
  if (!Array.isArray(steps)) return fail("`steps` must be a list");
  let before = 0;
  steps.forEach((step: Partial<Record<string, unknown>>, i) => {
    const { at } = step as { at?: unknown };
    if (typeof at !== "number" || at < before) fail(`steps[${i}].at must be a number that does not go back`);
    before = at as number;
    const kinds = ["write", "request", "answer"].filter((kind) => step[kind] !== undefined);
    if (kinds.length !== 1) fail(`steps[${i}] must have one of write, request and answer`);
    if (kinds[0] === "request" && !Array.isArray(step["picked"])) fail(`steps[${i}].picked must be a list of names`);
  });
  return value as Trace;
}

/** Values of a trace as attributes; those that are neither standard nor among `more` are left out. */
export function readAttributes(values: TraceAttributes, more: readonly Attribute[] = []): AttributeValue[] {
  return Object.entries(values).flatMap(([key, given]) => {
    const attribute = [...more, ...standardAttributes].find((candidate) => candidate.key === key);
    if (attribute === undefined) return [];
    return [{ attribute, value: attribute.kind === "set" ? new Set(given as readonly string[]) : given }];
  });
}

export function readEndpoint(
  { attributes = {}, ...endpoint }: TraceEndpoint,
  more: readonly Attribute[],
): TestEndpoint {
  return { ...endpoint, attributes: readAttributes(attributes, more) };
}
