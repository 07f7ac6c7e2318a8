import type { RequestKey } from "@pointsman/plugin-api";
import { type Affinity, indexOfEndpoint } from "./affinity.ts";
import { encodeSessionToken, parseSessionToken } from "./session-token.ts";

/** In place of an endpoint's id: whoever serves. */
const AS_SERVED = "";

export interface EndpointHeaderOptions {
  readonly header: string;
  /** Empty = the primary profile. */
  readonly profileName: string;
  /** Where the choice of {@link profileName} waits for the answer; of this instance alone. */
  readonly choiceKey: RequestKey<string>;
}

/**
 * Stateless: the answer carries a token that names the endpoint, and the client sends it with its next request.
 *
 * The token names the endpoint that served, also when it was not the picked one. When the session keeps another
 * profile than the primary one, served says nothing about it, and the token names that profile's choice; there is none
 * when the profile did not run.
 */
export function createEndpointHeaderAffinity({ header, profileName, choiceKey }: EndpointHeaderOptions): Affinity {
  return {
    boundCandidate(request, candidates) {
      const id = parseSessionToken(request.header(header));
      return id === undefined ? -1 : indexOfEndpoint(candidates, id);
    },
    postChoice(request, choice) {
      if (profileName === "") return;
      const id = profileName === choice.primaryProfile ? AS_SERVED : choice.result(profileName)?.picked[0]?.id;
      if (id !== undefined) request.locals.set(choiceKey, id);
    },
    responseHeaders(request, response) {
      if (response.served === undefined) return;
      const id = profileName === "" ? AS_SERVED : request.locals.get(choiceKey);
      if (id !== undefined) response.setHeader(header, encodeSessionToken(id === AS_SERVED ? response.served.id : id));
    },
    afterResponse() {},
  };
}
