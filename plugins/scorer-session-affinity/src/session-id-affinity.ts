import type { Candidates, Choice, Completion, Endpoint, RequestKey, RequestView } from "@pointsman/plugin-api";
import { type Affinity, indexOfEndpoint } from "./affinity.ts";
import type { SessionTable } from "./session-table.ts";

/** What is known of one request of a session. */
export interface Visit {
  readonly session: string;
  /** The bound endpoint was among the candidates. */
  found: boolean;
  /** The bound endpoint, when it was not among the candidates. */
  missing: string | undefined;
  /** The binding that this request follows or made; undefined when it was sent elsewhere. */
  followed: string | undefined;
  /** This request made the binding. */
  bound: boolean;
  /** Whether the endpoint that serves says something about the profile that is kept. */
  primary: boolean;
}

export interface SessionIdOptions {
  readonly table: SessionTable;
  readonly sessionOf: (request: RequestView) => string | undefined;
  /** Empty = the primary profile. */
  readonly profileName: string;
  /** Of this instance alone. */
  readonly visitKey: RequestKey<Visit>;
}

/**
 * Remembers the endpoint of each session. A binding is made when the session's first request is routed, and moves when
 * the bound endpoint is no longer a candidate, or when another endpoint than the bound one has served (the proxy tried
 * again elsewhere). When nobody served, a binding that this request made is taken back.
 */
export class SessionIdAffinity implements Affinity {
  readonly #table: SessionTable;
  readonly #sessionOf: (request: RequestView) => string | undefined;
  readonly #profileName: string;
  readonly #visitKey: RequestKey<Visit>;

  constructor({ table, sessionOf, profileName, visitKey }: SessionIdOptions) {
    this.#table = table;
    this.#sessionOf = sessionOf;
    this.#profileName = profileName;
    this.#visitKey = visitKey;
  }

  boundCandidate(request: RequestView, candidates: Candidates): number {
    const visit = this.#visitOf(request);
    if (visit === undefined) return -1;
    const endpointId = this.#table.endpointOf(visit.session, request.now);
    if (endpointId === undefined) return -1;
    const index = indexOfEndpoint(candidates, endpointId);
    if (index >= 0) visit.found = true;
    else visit.missing = endpointId;
    return index;
  }

  readonly postChoice = (request: RequestView, choice: Choice): void => {
    const visit = this.#visitOf(request);
    if (visit === undefined) return;
    const profile = this.#profileName === "" ? choice.primaryProfile : this.#profileName;
    visit.primary = profile === choice.primaryProfile;
    const picked = (visit.primary ? choice.picked : choice.result(profile)?.picked)?.[0]?.id;
    if (picked === undefined) return;
    const { session } = visit;
    const before = this.#table.endpointOf(session, request.now);
    // Another request of the session may have moved it meanwhile: only the binding that was found to be dead is moved.
    visit.bound = before === undefined || (!visit.found && visit.missing === before);
    const after = visit.bound ? picked : before!;
    this.#table.bind(session, after, request.now);
    visit.followed = after === picked ? picked : undefined;
  };

  readonly responseHeaders = (request: RequestView, { served }: { readonly served: Endpoint | undefined }): void => {
    this.#settle(request, served?.id);
  };

  readonly afterResponse = (request: RequestView, { outcome, served }: Completion): void => {
    if (served !== undefined || outcome === "unrouted") this.#settle(request, served?.id);
  };

  /** @param served who answered, undefined when nobody did. Counts once per request. */
  #settle(request: RequestView, served: string | undefined): void {
    const visit = request.locals.get(this.#visitKey);
    if (visit?.followed === undefined) return;
    const { session, followed } = visit;
    visit.followed = undefined;
    if (this.#table.endpointOf(session, request.now) !== followed) return;
    if (served === undefined) {
      if (visit.bound) this.#table.unbind(session);
    } else if (visit.primary && served !== followed) {
      this.#table.bind(session, served, request.now);
    }
  }

  #visitOf(request: RequestView): Visit | undefined {
    const known = request.locals.get(this.#visitKey);
    if (known !== undefined) return known;
    const session = this.#sessionOf(request);
    if (session === undefined) return undefined;
    const visit: Visit = {
      session,
      found: false,
      missing: undefined,
      followed: undefined,
      bound: false,
      primary: true,
    };
    request.locals.set(this.#visitKey, visit);
    return visit;
  }
}
