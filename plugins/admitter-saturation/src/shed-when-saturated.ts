import type { Admitter, Candidates, Refusal } from "@pointsman/plugin-api";

/**
 * An admitter that refuses sheddable requests (priority below 0) with 429 while the candidates are saturated, and
 * nothing else.
 *
 * The refusal carries no reason, as in llm-d: `rejected-saturated` is what requests get that a queue or a filter
 * turned away, whatever their priority.
 */
export function shedWhenSaturated(options: {
  /** How full the candidates are; 1 and more = saturated. */
  readonly saturation: (candidates: Candidates) => number;
  readonly retryAfterMs: number;
  /** Called before a request is refused. */
  readonly onShed?: (now: number, candidates: Candidates) => void;
}): Admitter {
  const { saturation, onShed } = options;
  const refusal: Refusal = Object.freeze({
    status: 429,
    code: "ResourceExhausted",
    message: "system saturated, sheddable request dropped",
    retryAfterMs: options.retryAfterMs,
  });
  return {
    onError: "admit",
    admit(request, candidates) {
      if (request.priority >= 0 || saturation(candidates) < 1) return undefined;
      onShed?.(request.now, candidates);
      return refusal;
    },
    saturation,
  };
}
