import fc from "fast-check";
import { failed, passed, type Verdict } from "../report.ts";
import type { Sample, Subject } from "../subject.ts";

/** What a plugin did wrong in one generated case; anything else that is thrown is a fault of the kit. */
class Violation extends Error {}

/**
 * Tries a property on generated cases and shrinks what fails.
 * @param test resolves with what is wrong, or undefined.
 */
export async function checkProperty<Case>(
  cases: fc.Arbitrary<Case>,
  subject: Subject,
  test: (sample: Case) => Promise<string | undefined> | string | undefined,
  describe: (sample: Case) => string,
): Promise<Verdict> {
  const { seed, numRuns, ruleTimeoutMs } = subject.options;
  const property = fc.asyncProperty(cases, async (sample) => {
    const finding = await test(sample);
    if (finding !== undefined) throw new Violation(finding);
  });
  const found = await fc.check(property, { seed, numRuns, interruptAfterTimeLimit: ruleTimeoutMs / 2 });
  if (!found.failed || found.counterexample === null) return passed;
  const error: unknown = found.errorInstance;
  if (!(error instanceof Violation)) throw error;
  return failed(`${error.message}; seen with ${describe(found.counterexample[0])}`);
}

/** A sample in one short line, without what is as usual. */
export function describeSample({ request, endpoints }: Sample): string {
  const pool = endpoints.map(({ name, attributes = [] }) => {
    const values = attributes.map(({ attribute, value }) => `${attribute.id} = ${describeValue(value)}`);
    return values.length === 0 ? `${name} of which nothing is known` : `${name} (${values.join(", ")})`;
  });
  const { id: _, path: _path, api: _api, ...unusual } = request;
  const asked = Object.keys(unusual).length === 0 ? "a plain request" : `a request with ${describeValue(unusual)}`;
  return cut(`${asked} and ${pool.join(", ")}`, 500);
}

export function describeValue(value: unknown): string {
  if (value instanceof Set) return `{${[...value].join(", ")}}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return cut(
    JSON.stringify(value, (_, inner: unknown) => (inner instanceof Uint8Array ? `${inner.length} bytes` : inner)) ??
      String(value),
    200,
  );
}

export function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
