import type { Api } from "./requests/parsed-body.ts";

/** A path suffix that an API family answers to, without leading or trailing slash. */
export interface PathClaim {
  readonly suffix: string;
  readonly api: Api;
}

/** The path assumed for a request that came without one. */
export const DEFAULT_PATH = "/v1/completions";

/**
 * The claim with the longest suffix of this path; of equally long ones the first. Query, fragment and slashes at both
 * ends of the path do not count. The test is for a plain suffix, as in llm-d: `/openai/v1/completions` is claimed by
 * `completions`, and so is `/my-completions`.
 */
export function claimForPath<Claim extends { readonly suffix: string }>(
  path: string | undefined,
  claims: Iterable<Claim>,
): Claim | undefined {
  const plain = plainPath(path);
  let best: Claim | undefined;
  for (const claim of claims) {
    if (plain.endsWith(claim.suffix) && (best === undefined || claim.suffix.length > best.suffix.length)) best = claim;
  }
  return best;
}

function plainPath(path: string | undefined): string {
  const given = path === undefined || path === "" ? DEFAULT_PATH : path;
  const cut = given.search(/[?#]/);
  let end = cut < 0 ? given.length : cut;
  let start = 0;
  while (start < end && given[start] === "/") start++;
  while (end > start && given[end - 1] === "/") end--;
  return given.slice(start, end);
}
