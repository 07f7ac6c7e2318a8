import type { Decider, Endpoint, RequestView } from "@pointsman/plugin-api";

export interface Verdict {
  readonly yes: boolean;
  /** In words. */
  readonly reason: string;
}

/** A decider whose reasons are those of its answers: both come from one function, which must be pure and quick. */
export function createDecider(judge: (request: RequestView, endpoint: Endpoint | undefined) => Verdict): Decider {
  return {
    decide: (request, endpoint) => judge(request, endpoint).yes,
    explain: (request, endpoint) => judge(request, endpoint).reason,
  };
}
