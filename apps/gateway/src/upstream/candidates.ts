import { parseDestination } from "../address.ts";

/** Gives every request the addresses to try, in order and without repetition. */
export interface Candidates {
  /** The entries of `destination`, then the static endpoints that are not among them. */
  of(destination: string | undefined): Iterable<string>;
}

/** @param endpoints static endpoints, `host:port`; each request begins with another one */
export function createCandidates(endpoints: readonly string[]): Candidates {
  let turn = 0;
  return {
    *of(destination) {
      const listed = destination === undefined ? [] : parseDestination(destination);
      yield* listed;
      const others = endpoints.filter((endpoint) => !listed.includes(endpoint));
      const first = turn++;
      for (let i = 0; i < others.length; i++) yield others[(first + i) % others.length]!;
    },
  };
}
