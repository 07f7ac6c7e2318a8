import type { ProfileHandler, ProfileRun, RequestView } from "@pointsman/plugin-api";
import type { CandidateList } from "@pointsman/scheduling";

/** What a handler did when every profile that it named chose the first candidate. */
export interface HandlerRun {
  /** What the last call returned. */
  readonly returned: unknown;
  /** What is wrong with it, in words; undefined when it came to an end. */
  readonly finding: string | undefined;
}

/** Runs a profile handler as the scheduler does. @throws whatever the handler throws. */
export function runHandler(
  handler: ProfileHandler,
  request: RequestView,
  candidates: CandidateList,
  profiles: readonly string[],
): HandlerRun {
  const ran = new Set<string>();
  const run: ProfileRun = {
    profiles,
    ran: (profile) => ran.has(profile),
    result: (profile) => (ran.has(profile) ? { profile, picked: [candidates[0]!] } : undefined),
  };
  for (let round = 0; round <= profiles.length; round += 1) {
    const names: unknown = handler.next(request, run);
    if (!Array.isArray(names)) return { returned: names, finding: `next() returned ${typeof names} instead of a list` };
    if (names.length === 0) {
      const primary: unknown = handler.primary(request, run);
      const known = typeof primary === "string" && ran.has(primary);
      return {
        returned: primary,
        finding: known ? undefined : `primary() named ${JSON.stringify(primary)}, which did not run`,
      };
    }
    for (const name of names as string[]) {
      if (!profiles.includes(name))
        return { returned: names, finding: `next() named ${JSON.stringify(name)}, which is no profile` };
      if (ran.has(name)) return { returned: names, finding: `next() named "${name}" again after it had run` };
      ran.add(name);
    }
  }
  return { returned: [], finding: "next() named profiles after all had run" };
}
