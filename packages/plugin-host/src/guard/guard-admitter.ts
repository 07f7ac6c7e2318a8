import type { Admitter, Candidates, Refusal, RequestView } from "@pointsman/plugin-api";
import { assertNoPromise, type Guard, guarded } from "./guard.ts";

const failedRefusal: Refusal = {
  status: 503,
  code: "ServiceUnavailable",
  message: "the request could not be checked for admission",
  retryAfterMs: 1_000,
};

/**
 * An admitter that fails decides by its `onError`; a refusal without a proper status counts as a failure. A detector
 * that fails, or measures nonsense, reports no saturation.
 */
export function guardAdmitter(admitter: Admitter, guard: Guard, onError: "admit" | "refuse"): Admitter {
  const fallback = onError === "refuse" ? failedRefusal : undefined;
  const { saturation } = admitter;
  return {
    onError,
    admit(request: RequestView, candidates: Candidates): Refusal | undefined {
      let answer: Refusal | undefined;
      const spoke = guarded(guard, () => {
        answer = checkRefusal(assertNoPromise(admitter.admit(request, candidates)));
      });
      return spoke ? answer : fallback;
    },
    ...(saturation === undefined
      ? {}
      : {
          saturation(candidates: Candidates): number {
            let value = 0;
            guarded(guard, () => {
              value = checkSaturation(assertNoPromise(saturation.call(admitter, candidates)));
            });
            return value;
          },
        }),
  };
}

function checkSaturation(value: number): number {
  if (typeof value === "number" && value >= 0) return value;
  throw new RangeError(`measured a saturation of ${String(value)}; it must be 0 or more`);
}

function checkRefusal(refusal: Refusal | undefined): Refusal | undefined {
  if (refusal === undefined || refusal === null) return undefined;
  const { status } = refusal;
  if (!Number.isInteger(status) || status < 400 || status > 599) {
    throw new RangeError(`refused with status ${String(status)}; it must be 400 to 599`);
  }
  return refusal;
}
