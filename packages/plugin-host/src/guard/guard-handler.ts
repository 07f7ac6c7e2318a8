import type { Decider, Endpoint, ProfileHandler, ProfileRun, RequestView } from "@pointsman/plugin-api";
import { assertNoPromise, begin, failed, finished, type Guard, guarded } from "./guard.ts";

/**
 * A handler that fails leaves the first configured profile alone to decide; if it fails later, the first configured
 * one of those that ran.
 */
export function guardProfileHandler(handler: ProfileHandler, guard: Guard): ProfileHandler {
  const alone = (run: ProfileRun): readonly string[] => {
    const first = run.profiles[0];
    return first === undefined || run.ran(first) ? [] : [first];
  };
  return {
    ...(handler.check === undefined ? {} : { check: (profiles) => handler.check?.(profiles) }),
    next(request: RequestView, run: ProfileRun): readonly string[] {
      if (!guard.breaker.allows()) return alone(run);
      const started = begin(guard);
      try {
        const names = assertNoPromise(handler.next(request, run));
        if (!Array.isArray(names)) throw new TypeError("next() must return an array of profile names");
        finished(guard, started);
        return names;
      } catch (error) {
        failed(guard, started, error);
        return alone(run);
      }
    },
    primary(request: RequestView, run: ProfileRun): string {
      let name = run.profiles.find((profile) => run.ran(profile)) ?? run.profiles[0] ?? "";
      guarded(guard, () => {
        const chosen = assertNoPromise(handler.primary(request, run));
        if (!run.ran(chosen)) throw new RangeError(`named "${String(chosen)}" primary, which did not run`);
        name = chosen;
      });
      return name;
    },
  };
}

/** A decider that fails says no. */
export function guardDecider(decider: Decider, guard: Guard): Decider {
  return {
    decide(request: RequestView, endpoint: Endpoint): boolean {
      let yes = false;
      guarded(guard, () => {
        const answer: unknown = assertNoPromise(decider.decide(request, endpoint));
        if (typeof answer !== "boolean") throw new TypeError(`decided ${String(answer)}, which is neither yes nor no`);
        yes = answer;
      });
      return yes;
    },
  };
}
