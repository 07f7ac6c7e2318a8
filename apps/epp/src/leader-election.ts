import { ApiError, type Cluster, pathOf, type Resource } from "@pointsman/kubernetes-client";

export interface LeaderElectionOptions {
  readonly cluster: Pick<Cluster, "call">;
  readonly namespace: string;
  /** Name of the Lease. */
  readonly name: string;
  /** Who this replica is; unique among them. */
  readonly identity: string;
  /** How long a lease holds without being renewed, in milliseconds; whole seconds in the Lease. */
  readonly durationMs: number;
  /** Milliseconds that only ever grow. */
  readonly now: () => number;
  /** Wall clock, for what people read in the Lease; never compared. */
  readonly wallClock: () => Date;
  readonly onChange: (isLeader: boolean, holder: string | undefined) => void;
  /** A problem that lasts is told once. */
  readonly onProblem: (problem: Error) => void;
}

interface Lease {
  readonly metadata: { readonly resourceVersion?: string };
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/**
 * Takes part in an election by a Lease, as Kubernetes' own components do. A lease has expired when it was not seen to change for
 * its duration, by this process's own clock: skewed clocks do not matter. A leader that cannot renew gives up after two thirds
 * of the duration, before another can take over.
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #resource: Resource;
  #lease: Lease | undefined;
  #seenAt = 0;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #isLeader = false;
  #problem = "";
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#resource = {
      group: "coordination.k8s.io",
      version: "v1",
      plural: "leases",
      namespace: options.namespace,
    };
  }

  /** True while the lease is held and was renewed in time. */
  get isLeader(): boolean {
    if (this.#isLeader && this.#options.now() - this.#renewedAt > this.#deadlineMs) this.#become(false);
    return this.#isLeader;
  }

  start(): void {
    const next = (): void => {
      if (this.#stopped) return;
      const { durationMs } = this.#options;
      this.#timer = setTimeout(() => this.#takeTurn().then(next), (durationMs * 2) / 15);
    };
    void this.#takeTurn().then(next);
  }

  /** Gives the lease back, so that another replica need not wait for its end. Never rejects. */
  async release(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#turn;
    const held = this.#isLeader ? this.#lease : undefined;
    this.#become(false);
    if (held === undefined) return;
    const spec = { ...held.spec, holderIdentity: "", leaseDurationSeconds: 1 };
    await this.#write(held, spec).catch(() => {});
  }

  get #deadlineMs(): number {
    return (this.#options.durationMs * 2) / 3;
  }

  #takeTurn(): Promise<void> {
    this.#turn = this.#tryToHold().then(
      () => {
        this.#problem = "";
      },
      (error: unknown) => {
        // Somebody else was faster: the next turn shows who.
        if (error instanceof ApiError && error.kind === "conflict") return;
        const problem = error instanceof Error ? error : new Error(String(error));
        if (problem.message !== this.#problem) this.#options.onProblem(problem);
        this.#problem = problem.message;
      },
    );
    return this.#turn.then(() => void this.isLeader);
  }

  async #tryToHold(): Promise<void> {
    const { identity, now, wallClock, durationMs } = this.#options;
    const lease = await this.#read();
    const at = now();
    const { holderIdentity: holder, leaseDurationSeconds = 15, leaseTransitions = 0, acquireTime } = lease?.spec ?? {};
    if (lease?.metadata.resourceVersion !== this.#lease?.metadata.resourceVersion) this.#seenAt = at;
    this.#lease = lease;
    const isMine = holder === identity;
    const isFree = holder === undefined || holder === "" || at - this.#seenAt > leaseDurationSeconds * 1_000;
    if (!isMine && !isFree) {
      this.#become(false);
      return;
    }
    const time = wallClock().toISOString().replace("Z", "000Z");
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.round(durationMs / 1_000)),
      renewTime: time,
      acquireTime: isMine && acquireTime !== undefined ? acquireTime : time,
      leaseTransitions: isMine || lease === undefined ? leaseTransitions : leaseTransitions + 1,
    };
    // Counted from before the call: the server may have written it at once.
    this.#lease = await this.#write(lease, spec);
    this.#seenAt = at;
    this.#renewedAt = at;
    if (!this.#stopped) this.#become(true);
  }

  async #read(): Promise<Lease | undefined> {
    const { cluster, name } = this.#options;
    const attempt = { verb: "get", resource: this.#resource, name };
    try {
      return (await cluster.call({ attempt, path: pathOf(this.#resource, name), timeoutMs: this.#callMs })) as Lease;
    } catch (error) {
      if (error instanceof ApiError && error.kind === "not-found") return undefined;
      throw error;
    }
  }

  async #write(lease: Lease | undefined, spec: object): Promise<Lease> {
    const { cluster, name, namespace } = this.#options;
    const verb = lease === undefined ? "create" : "update";
    const version = lease?.metadata.resourceVersion;
    return (await cluster.call({
      attempt: { verb, resource: this.#resource, name },
      method: lease === undefined ? "POST" : "PUT",
      path: lease === undefined ? pathOf(this.#resource) : pathOf(this.#resource, name),
      timeoutMs: this.#callMs,
      body: {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name, namespace, ...(version === undefined ? {} : { resourceVersion: version }) },
        spec,
      },
    })) as Lease;
  }

  /** A call must not outlast the deadline for renewals. */
  get #callMs(): number {
    return this.#deadlineMs / 2;
  }

  #become(leader: boolean): void {
    if (this.#isLeader === leader) return;
    this.#isLeader = leader;
    this.#options.onChange(leader, this.#lease?.spec?.holderIdentity);
  }
}
