import type { Attribute, DataKey, NumberAttribute, ProducerOutput, RequestKey } from "@pointsman/plugin-api";
import type { Provided } from "@pointsman/plugin-host";
import type { CandidateList, RequestColumns } from "@pointsman/scheduling";
import type { PipelineRequest } from "./pipeline-request.ts";

const DEFAULT_TIMEOUT_MS = 400;

/**
 * Runs producers level by level. Returns a promise only when one of them did; it never rejects and is settled by the
 * request's deadline at the latest. What a producer wrote is published when it has finished in time.
 */
export function runProducers(
  levels: readonly (readonly Provided<"producer">[])[],
  request: PipelineRequest,
  candidates: CandidateList,
  columns: RequestColumns,
): Promise<void> | undefined {
  return runFrom(0);

  function runFrom(first: number): Promise<void> | undefined {
    for (let level = first; level < levels.length; level += 1) {
      const waiting = runLevel(levels[level]!, request, candidates, columns);
      if (waiting !== undefined) return waiting.then(() => runFrom(level + 1));
    }
    return undefined;
  }
}

function runLevel(
  producers: readonly Provided<"producer">[],
  request: PipelineRequest,
  candidates: CandidateList,
  columns: RequestColumns,
): Promise<void> | undefined {
  const pending: Promise<void>[] = [];
  // Producers see what earlier levels found; the plain field serves the synchronous part of each call.
  candidates.table.requestValues = columns;
  for (const { instance, capability } of producers) {
    const output = new Output(request, candidates, instance.writes);
    const result = capability.produce(request, candidates, output);
    if (result === undefined) output.publish(columns, instance.entry.name);
    else {
      const limitMs = Math.min(capability.timeoutMs ?? DEFAULT_TIMEOUT_MS, request.deadline - Date.now());
      pending.push(
        withLimit(result, limitMs).then((inTime) => {
          if (inTime) output.publish(columns, instance.entry.name);
          output.close();
        }),
      );
    }
  }
  candidates.table.requestValues = undefined;
  return pending.length === 0 ? undefined : Promise.all(pending).then(() => {});
}

/** True when the promise settled within the limit. */
async function withLimit(promise: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.max(0, limitMs));
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One producer's writes for one request, kept apart until it has finished. */
class Output implements ProducerOutput {
  readonly #request: PipelineRequest;
  readonly #candidates: CandidateList;
  readonly #allowed: readonly DataKey[];
  readonly #columns = new Map<Attribute, Float64Array | unknown[]>();
  #closed = false;

  constructor(request: PipelineRequest, candidates: CandidateList, allowed: readonly DataKey[]) {
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
    if (!this.#closed) this.#request.locals.set(key, value);
  }

  publish(columns: RequestColumns, writer: string): void {
    for (const [attribute, values] of this.#columns) columns.publish(attribute, writer, this.#candidates, values);
  }

  /** What a late producer still writes reaches nobody. */
  close(): void {
    this.#closed = true;
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

  #assertDeclared(key: DataKey): void {
    for (const allowed of this.#allowed) if (allowed.key === key.key) return;
    throw new TypeError(`${key.key} is not listed in the producer's writes`);
  }
}
