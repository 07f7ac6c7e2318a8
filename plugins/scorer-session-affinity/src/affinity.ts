import type {
  AfterResponseHook,
  Candidates,
  PostChoiceHook,
  RequestView,
  ResponseHeadersHook,
} from "@pointsman/plugin-api";

/** How a session finds back to its endpoint. Scorer and filter differ only in what they make of the answer. */
export interface Affinity {
  /** Index of the candidate that the request's session is bound to; -1 when there is none. */
  boundCandidate(request: RequestView, candidates: Candidates): number;
  readonly postChoice: PostChoiceHook;
  readonly responseHeaders: ResponseHeadersHook;
  readonly afterResponse: AfterResponseHook;
}

/** Index of the endpoint with this id; -1 when it is no candidate. */
export function indexOfEndpoint(candidates: Candidates, id: string): number {
  for (let i = 0; i < candidates.length; i += 1) if (candidates[i]!.id === id) return i;
  return -1;
}
