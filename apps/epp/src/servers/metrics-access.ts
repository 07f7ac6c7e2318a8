import { createHash } from "node:crypto";
import { ApiError, type Cluster, type Resource } from "@pointsman/kubernetes-client";

/** 200, or the HTTP status with which a scraper is refused. */
export type AccessStatus = 200 | 401 | 403 | 503;

export interface MetricsAccessOptions {
  readonly cluster: Pick<Cluster, "call">;
  /** Milliseconds that only ever grow. */
  readonly now: () => number;
  /** A problem with the API server, once as long as it lasts. */
  readonly onProblem: (problem: Error) => void;
}

const PATH = "/metrics";
/** How long an answer is believed: a token that is revoked works for so long. */
const ALLOWED_MS = 60_000;
const REFUSED_MS = 10_000;
const MOST_ANSWERS = 1_024;
/** Questions to the API server at a time; strangers must not make us flood it. */
const MOST_QUESTIONS = 16;
const LONGEST_TOKEN = 16_384;
const CALL_MS = 5_000;

const tokenReviews: Resource = {
  group: "authentication.k8s.io",
  version: "v1",
  plural: "tokenreviews",
  namespace: undefined,
};
const accessReviews: Resource = {
  group: "authorization.k8s.io",
  version: "v1",
  plural: "subjectaccessreviews",
  namespace: undefined,
};

interface User {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/**
 * Lets in who may `get` the non-resource URL `/metrics`: the bearer token is reviewed (TokenReview), then its user's access
 * (SubjectAccessReview). Answers are kept for a while by a hash of the token; both the answers and the questions are bounded.
 */
export class MetricsAccess {
  readonly #options: MetricsAccessOptions;
  /** Oldest first. */
  readonly #answers = new Map<string, { readonly status: AccessStatus; readonly until: number }>();
  readonly #asking = new Map<string, Promise<AccessStatus>>();
  #problem = "";

  constructor(options: MetricsAccessOptions) {
    this.#options = options;
  }

  /** @param authorization the request's header */
  async check(authorization: string | undefined): Promise<AccessStatus> {
    const token = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
    if (token === undefined || token.length > LONGEST_TOKEN) return 401;
    const key = createHash("sha256").update(token).digest("base64");
    const known = this.#answers.get(key);
    if (known !== undefined && known.until > this.#options.now()) return known.status;
    const asked = this.#asking.get(key);
    if (asked !== undefined) return asked;
    if (this.#asking.size >= MOST_QUESTIONS) return 503;
    const asking = this.#ask(key, token).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    return asking;
  }

  async #ask(key: string, token: string): Promise<AccessStatus> {
    try {
      const status = await this.#review(token);
      this.#problem = "";
      this.#keep(key, status);
      return status;
    } catch (error) {
      const problem = error instanceof Error ? error : new Error(String(error));
      if (problem.message !== this.#problem) this.#options.onProblem(problem);
      this.#problem = problem.message;
      return 503;
    }
  }

  async #review(token: string): Promise<AccessStatus> {
    const reviewed = await this.#create(tokenReviews, "TokenReview", { token });
    if (reviewed["authenticated"] !== true) return 401;
    const { username, uid, groups, extra } = (reviewed["user"] ?? {}) as User;
    const spec = { user: username, uid, groups, extra, nonResourceAttributes: { path: PATH, verb: "get" } };
    const access = await this.#create(accessReviews, "SubjectAccessReview", spec);
    return access["allowed"] === true ? 200 : 403;
  }

  async #create(resource: Resource, kind: string, spec: object): Promise<Readonly<Record<string, unknown>>> {
    const attempt = { verb: "create", resource };
    const { group, version, plural } = resource;
    const answer = (await this.#options.cluster.call({
      attempt,
      method: "POST",
      path: `/apis/${group}/${version}/${plural}`,
      body: { apiVersion: `${group}/${version}`, kind, spec },
      timeoutMs: CALL_MS,
    })) as { status?: Readonly<Record<string, unknown>> };
    if (typeof answer.status !== "object") throw new ApiError("malformed", attempt, "the review has no status");
    return answer.status;
  }

  #keep(key: string, status: AccessStatus): void {
    this.#answers.delete(key);
    this.#answers.set(key, { status, until: this.#options.now() + (status === 200 ? ALLOWED_MS : REFUSED_MS) });
    if (this.#answers.size > MOST_ANSWERS) this.#answers.delete(this.#answers.keys().next().value!);
  }
}
