import type { Candidates, Endpoint } from "@pointsman/plugin-api";
import { errorOf, type Vote } from "./protocol.ts";

/** @throws what the plugin threw in the worker. */
export function valuesOf<Values>(vote: Vote<Values> | undefined): Values {
  if (vote === undefined) throw new Error("its worker gave no answer");
  if ("error" in vote) throw errorOf(vote.error);
  return vote.values;
}

/**
 * Takes the votes of those that are still in the running. Both lists are in the order of the pool, and an endpoint is
 * the same object in both.
 */
export function copyVote(
  asked: readonly Endpoint[],
  votes: Float64Array | Uint8Array,
  candidates: Candidates,
  target: Float64Array | Uint8Array,
): void {
  let row = 0;
  for (let i = 0; i < candidates.length; i += 1) {
    const endpoint = candidates[i];
    while (row < asked.length && asked[row] !== endpoint) row += 1;
    if (row === asked.length) throw new Error("its worker was asked about another pool");
    target[i] = votes[row]!;
  }
}
