import type { Candidates, Filter, RequestView } from "@pointsman/plugin-api";
import { assertNoPromise, begin, failed, finished, type Guard } from "./guard.ts";

/** A filter that fails, or writes anything but 0 and 1, decides by its `onError`: everybody stays or nobody does. */
export function guardFilter(filter: Filter, guard: Guard, onError: "reject" | "pass"): Filter {
  const fallback = onError === "reject" ? 0 : 1;
  return {
    empties: filter.empties,
    onError,
    filter(request: RequestView, candidates: Candidates, keep: Uint8Array): void {
      if (!guard.breaker.allows()) {
        keep.fill(fallback);
        return;
      }
      const started = begin(guard);
      try {
        assertNoPromise(filter.filter(request, candidates, keep));
        assertFlags(keep);
      } catch (error) {
        keep.fill(fallback);
        failed(guard, started, error);
        return;
      }
      finished(guard, started);
    },
  };
}

function assertFlags(keep: Uint8Array): void {
  for (let i = 0; i < keep.length; i += 1) {
    if (keep[i]! > 1) throw new RangeError(`wrote ${keep[i]} for candidate ${i}; only 0 and 1 mean something`);
  }
}
