import type { Choice, Endpoint, ProfileResult } from "@pointsman/plugin-api";
import type { ChoiceData } from "../protocol.ts";
import type { WorkerTable } from "./worker-table.ts";

/** A choice that has been made: it can be looked at, but not be changed any more. */
export class WorkerChoice implements Choice {
  readonly picked: readonly Endpoint[];
  readonly primaryProfile: string;
  readonly profiles: readonly string[];
  readonly #results: ReadonlyMap<string, ProfileResult>;

  constructor({ primaryProfile, profiles }: ChoiceData, table: WorkerTable) {
    this.#results = new Map(
      profiles.map(({ profile, picked }) => [
        profile,
        { profile, picked: picked.map((data) => table.endpointOf(data)) },
      ]),
    );
    this.primaryProfile = primaryProfile;
    this.profiles = profiles.map(({ profile }) => profile);
    this.picked = this.#results.get(primaryProfile)?.picked ?? [];
  }

  result(profile: string): ProfileResult | undefined {
    return this.#results.get(profile);
  }

  setHeader(): void {
    throw tooLate("setHeader");
  }

  removeHeader(): void {
    throw tooLate("removeHeader");
  }

  setBodyField(): void {
    throw tooLate("setBodyField");
  }
}

function tooLate(member: string): Error {
  return new Error(`${member}() does nothing in a worker: the request has left when the hook runs`);
}
