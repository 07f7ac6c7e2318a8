import type {
  Attribute,
  DataKey,
  NumberAttribute,
  ProducerOutput,
  RequestKey,
  RequestView,
} from "@pointsman/plugin-api";
import type { Provided } from "@pointsman/plugin-host";
import type { CandidateList, RequestColumns } from "@pointsman/scheduling";

/** Runs producers level by level, as the picker does; without time limits, since the clock stands still. */
export function runProducers(
  levels: readonly (readonly Provided<"producer">[])[],
  request: RequestView,
  candidates: CandidateList,
  columns: RequestColumns,
): Promise<void> | undefined {
  const runFrom = (first: number): Promise<void> | undefined => {
    for (let level = first; level < levels.length; level += 1) {
      const pending: Promise<void>[] = [];
      candidates.table.requestValues = columns;
      for (const { instance, capability } of levels[level]!) {
        const output = new Output(request, candidates, instance.writes);
        const result = capability.produce(request, candidates, output);
        if (result === undefined) output.publish(columns, instance.entry.name);
        else pending.push(result.then(() => output.publish(columns, instance.entry.name)));
      }
      candidates.table.requestValues = undefined;
      if (pending.length > 0) return Promise.all(pending).then(() => runFrom(level + 1));
    }
    return undefined;
  };
  return runFrom(0);
}

/** One producer's writes for one request, kept apart until it has finished. */
class Output implements ProducerOutput {
  readonly #request: RequestView;
  readonly #candidates: CandidateList;
  readonly #allowed: readonly DataKey[];
  readonly #columns = new Map<Attribute, Float64Array | unknown[]>();

  constructor(request: RequestView, candidates: CandidateList, allowed: readonly DataKey[]) {
    this.#request = request;
    this.#candidates = candidates;
    this.#allowed = allowed;
  }

  column(attribute: NumberAttribute): Float64Array {
    return this.#columnOf(attribute as Attribute) as Float64Array;
  }

  set<Value>(candidate: number, attribute: Attribute<Value>, value: Value): void {
    this.#columnOf(attribute as Attribute)[candidate] = value as never;
  }

  setLocal<Value>(key: RequestKey<Value>, value: Value): void {
    this.#assertDeclared(key as RequestKey);
    this.#request.locals.set(key, value);
  }

  publish(columns: RequestColumns, writer: string): void {
    for (const [attribute, values] of this.#columns) columns.publish(attribute, writer, this.#candidates, values);
  }

  #columnOf(attribute: Attribute): Float64Array | unknown[] {
    this.#assertDeclared(attribute);
    let values = this.#columns.get(attribute);
    if (values === undefined) {
      const { length } = this.#candidates;
      values = attribute.kind === "f64" ? new Float64Array(length).fill(Number.NaN) : new Array<unknown>(length);
      this.#columns.set(attribute, values);
    }
    return values;
  }

  #assertDeclared({ key }: DataKey): void {
    if (!this.#allowed.some((allowed) => allowed.key === key)) {
      throw new TypeError(`${key} is not listed in the producer's writes`);
    }
  }
}
