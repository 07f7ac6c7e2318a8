import type { Admitter, Candidates, Refusal, RequestView } from "@pointsman/plugin-api";
import { type Guard, guarded } from "./guard.ts";

const failedRefusal: Refusal = {
  status: 503,
  code: "ServiceUnavailable",
  message: "the request could not be checked for admission",
  retryAfterMs: 1_000,
};

/** An admitter that fails decides by its `onError`; a refusal without a proper status counts as a failure. */
export function guardAdmitter(admitter: Admitter, guard: Guard, onError: "admit" | "refuse"): Admitter {
  const fallback = onError === "refuse" ? failedRefusal : undefined;
  const { saturation } = admitter;
  return {
    onError,
    admit(request: RequestView, candidates: Candidates): Refusal | undefined {
      let answer: Refusal | undefined;
      const spoke = guarded(guard, () => {
        answer = checkRefusal(admitter.admit(request, candidates));
      });
      return spoke ? answer : fallback;
    },
    ...(saturation === undefined
      ? {}
      : {
          saturation(candidates: Candidates): number {
            let value = 0;
            guarded(guard, () => {
              value = saturation.call(admitter, candidates);
            });
            return value;
          },
        }),
  };
}

function checkRefusal(refusal: Refusal | undefined): Refusal | undefined {
  if (refusal === undefined || refusal === null) return undefined;
  const { status } = refusal;
  if (!Number.isInteger(status) || status < 400 || status > 599) {
    throw new RangeError(`refused with status ${String(status)}; it must be 400 to 599`);
  }
  return refusal;
}
