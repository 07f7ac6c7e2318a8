import type { Attribute, DataKey, ProducerOutput, RequestView } from "@pointsman/plugin-api";
import type { Provided } from "@pointsman/plugin-host";
import type { CandidateList, RequestColumns } from "@pointsman/scheduling";

/** Runs producers level by level and publishes what they wrote. There is no time limit: the test's clock stands still. */
export async function runProducers(
  levels: readonly (readonly Provided<"producer">[])[],
  request: RequestView,
  candidates: CandidateList,
  columns: RequestColumns,
): Promise<void> {
  for (const level of levels) {
    // Producers see what earlier levels found; the plain field serves the synchronous part of each call.
    candidates.table.requestValues = columns;
    const finished = level.map(async ({ instance, capability }) => {
      const { output, publish } = createOutput(request, candidates, instance.writes);
      await capability.produce(request, candidates, output);
      publish(columns, instance.entry.name);
    });
    candidates.table.requestValues = undefined;
    await Promise.all(finished);
  }
}

/** One producer's writes for one request, kept apart until it has finished. */
export function createOutput(
  request: RequestView,
  candidates: CandidateList,
  allowed: readonly DataKey[],
): { readonly output: ProducerOutput; publish(columns: RequestColumns, writer: string): void } {
  const written = new Map<string, { readonly attribute: Attribute; readonly values: Float64Array | unknown[] }>();
  const assertDeclared = ({ key }: DataKey): void => {
    if (!allowed.some((declared) => declared.key === key)) {
      throw new TypeError(`${key} is not listed in the producer's writes`);
    }
  };
  const columnOf = (attribute: Attribute): Float64Array | unknown[] => {
    assertDeclared(attribute);
    const known = written.get(attribute.key);
    if (known !== undefined) return known.values;
    const { length } = candidates;
    const values = attribute.kind === "f64" ? new Float64Array(length).fill(Number.NaN) : new Array<unknown>(length);
    written.set(attribute.key, { attribute, values });
    return values;
  };
  return {
    output: {
      column: (attribute) => columnOf(attribute as Attribute) as Float64Array,
      set: (candidate, attribute, value) => {
        columnOf(attribute as Attribute)[candidate] = value as never;
      },
      setLocal: (key, value) => {
        assertDeclared(key as DataKey);
        request.locals.set(key, value);
      },
    },
    publish(columns, writer) {
      for (const { attribute, values } of written.values()) columns.publish(attribute, writer, candidates, values);
    },
  };
}
