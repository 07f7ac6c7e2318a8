import type { Candidates, Picker, RequestView } from "@pointsman/plugin-api";
import { currentInstance, enterInstance } from "./current-instance.ts";
import { assertNoPromise, begin, failed, finished, type Guard } from "./guard.ts";

/** A picker that fails or names a stranger is replaced, for this request, by a uniformly random choice. */
export function guardPicker(picker: Picker, guard: Guard): Picker {
  return {
    pick(request: RequestView, candidates: Candidates, totals: Float64Array, ranked: Uint32Array): number {
      if (!guard.breaker.allows()) return pickAny(guard, request, candidates, ranked);
      const started = begin(guard);
      try {
        const count = picker.pick(request, candidates, totals, ranked);
        assertNoPromise(count);
        assertRanking(count, ranked, candidates.length);
        finished(guard, started);
        return count;
      } catch (error) {
        failed(guard, started, error);
        return pickAny(guard, request, candidates, ranked);
      }
    },
  };
}

/** Draws from the picker's own random numbers, whoever ran before. */
function pickAny(guard: Guard, request: RequestView, candidates: Candidates, ranked: Uint32Array): number {
  const caller = currentInstance();
  enterInstance(guard.instance);
  ranked[0] = Math.floor(request.random() * candidates.length);
  enterInstance(caller);
  return 1;
}

function assertRanking(count: number, ranked: Uint32Array, candidates: number): void {
  if (!Number.isInteger(count) || count < 1 || count > candidates) {
    throw new RangeError(`returned ${count} for ${candidates} candidates`);
  }
  for (let i = 0; i < count; i += 1) {
    if (ranked[i]! >= candidates) throw new RangeError(`picked candidate ${ranked[i]} of ${candidates}`);
    for (let j = 0; j < i; j += 1) if (ranked[j] === ranked[i]) throw new RangeError(`picked ${ranked[i]} twice`);
  }
}
