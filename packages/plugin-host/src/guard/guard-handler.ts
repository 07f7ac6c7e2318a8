import type { Decider, Endpoint, ProfileHandler, ProfileRun, RequestView } from "@pointsman/plugin-api";
import { assertNoPromise, begin, failed, finished, type Guard, guarded } from "./guard.ts";

/**
 * A handler that fails leaves its fallback profile (else the first configured one) alone to decide; if that one has not
 * run, the first configured one of those that did.
 */
export function guardProfileHandler(handler: ProfileHandler, guard: Guard): ProfileHandler {
  const { fallback } = handler;
  const alone = (run: ProfileRun): readonly string[] => {
    const one = fallback !== undefined && run.profiles.includes(fallback) ? fallback : run.profiles[0];
    return one === undefined || run.ran(one) ? [] : [one];
  };
  return {
    ...(fallback === undefined ? {} : { fallback }),
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
      const first = run.profiles.find((profile) => run.ran(profile));
      let name = (fallback !== undefined && run.ran(fallback) ? fallback : first) ?? run.profiles[0] ?? "";
      guarded(guard, () => {
        const chosen = assertNoPromise(handler.primary(request, run));
        if (first !== undefined && !run.ran(chosen))
          throw new RangeError(`named "${String(chosen)}" primary, which did not run`);
        name = chosen;
      });
      return name;
    },
  };
}

/** A decider that fails says no. */
export function guardDecider(decider: Decider, guard: Guard): Decider {
  return {
    decide(request: RequestView, endpoint: Endpoint | undefined): boolean {
      let yes = false;
      guarded(guard, () => {
        const answer: unknown = assertNoPromise(decider.decide(request, endpoint));
        if (typeof answer !== "boolean") throw new TypeError(`decided ${String(answer)}, which is neither yes nor no`);
        yes = answer;
      });
      return yes;
    },
    ...(decider.explain === undefined ? {} : { explain: explained(decider, guard) }),
  };
}

function explained(decider: Decider, guard: Guard): NonNullable<Decider["explain"]> {
  return (request, endpoint) => {
    let reason: string | undefined;
    guarded(guard, () => {
      const answer: unknown = assertNoPromise(decider.explain?.(request, endpoint));
      if (typeof answer !== "string") throw new TypeError(`explained itself with ${String(answer)}, which is no text`);
      reason = answer;
    });
    return reason ?? `${guard.instance} failed`;
  };
}
