import { ApiError, type Call } from "@pointsman/kubernetes-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LeaderElection } from "../src/leader-election.ts";

interface Stored {
  metadata: { resourceVersion: string };
  spec: { holderIdentity: string; leaseDurationSeconds: number; leaseTransitions: number };
}

/** Keeps one Lease as the API server does: versions, conflicts, and days on which it is away. */
class LeaseServer {
  lease: Stored | undefined;
  away = false;
  calls: string[] = [];
  #version = 0;

  call = async ({ attempt, method = "GET", body }: Call): Promise<unknown> => {
    this.calls.push(attempt.verb);
    if (this.away) throw new ApiError("unreachable", attempt, "away");
    if (method === "GET") {
      if (this.lease === undefined) throw new ApiError("not-found", attempt, "none", 404);
      return structuredClone(this.lease);
    }
    const given = body as Stored;
    const expected = method === "POST" ? undefined : given.metadata.resourceVersion;
    if (this.lease?.metadata.resourceVersion !== expected) throw new ApiError("conflict", attempt, "changed", 409);
    this.lease = { ...given, metadata: { resourceVersion: String((this.#version += 1)) } };
    return structuredClone(this.lease);
  };
}

describe("leader election", () => {
  let server: LeaseServer;
  let changes: string[];
  let problems: string[];

  beforeEach(() => {
    vi.useFakeTimers();
    server = new LeaseServer();
    changes = [];
    problems = [];
  });
  afterEach(() => vi.useRealTimers());

  function candidate(identity: string, from: LeaseServer = server, skewMs = 0): LeaderElection {
    const election = new LeaderElection({
      cluster: from,
      namespace: "default",
      name: "lease",
      identity,
      durationMs: 15_000,
      now: () => Date.now() + skewMs,
      wallClock: () => new Date(Date.now() + skewMs),
      onChange: (isLeader) => changes.push(`${identity} ${isLeader ? "leads" : "follows"}`),
      onProblem: (problem) => problems.push(problem.message),
    });
    election.start();
    return election;
  }
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  it("makes one leader of two, who keeps the lease", async () => {
    const a = candidate("a");
    await pass(10);
    const b = candidate("b");
    await pass(120_000);
    expect([a.isLeader, b.isLeader, changes]).toEqual([true, false, ["a leads"]]);
    expect(server.lease!.spec.leaseTransitions).toBe(0);
  });

  it("makes one leader of five that begin in one moment", async () => {
    const all = ["a", "b", "c", "d", "e"].map((name) => candidate(name));
    await pass(60_000);
    expect(all.filter(({ isLeader }) => isLeader)).toHaveLength(1);
  });

  it("lets another take over within the lease's duration and one turn when the leader is gone", async () => {
    const gone = new LeaseServer();
    gone.call = async (call) => server.call(call);
    candidate("a", gone);
    await pass(10);
    const b = candidate("b", server, 3_600_000);
    await pass(10_000);
    // The process has died: nothing is sent any more.
    gone.call = () => new Promise(() => {});
    await pass(13_000);
    expect(b.isLeader).toBe(false);
    await pass(6_000);
    expect(b.isLeader).toBe(true);
    expect(server.lease!.spec).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
  });

  it("gives up before another can take over when it cannot renew, and says so once", async () => {
    const cut = new LeaseServer();
    cut.call = async (call) => server.call(call);
    const a = candidate("a", cut);
    await pass(10);
    const b = candidate("b");
    await pass(5_000);
    cut.call = async ({ attempt }) => {
      throw new ApiError("unreachable", attempt, "away");
    };
    await pass(12_100);
    expect([a.isLeader, b.isLeader]).toEqual([false, false]);
    await pass(8_000);
    expect([a.isLeader, b.isLeader]).toEqual([false, true]);
    expect(problems).toHaveLength(1);
    expect(changes).toEqual(["a leads", "a follows", "b leads"]);
  });

  it("gives the lease back when it stops, so that the next turn of another takes it", async () => {
    const a = candidate("a");
    await pass(10);
    const b = candidate("b");
    await pass(5_000);
    await a.release();
    expect(server.lease!.spec.holderIdentity).toBe("");
    await pass(2_100);
    expect([a.isLeader, b.isLeader]).toEqual([false, true]);
    const before = server.calls.length;
    await b.release();
    await a.release();
    await pass(60_000);
    // One to give back, and nothing afterwards.
    expect(server.calls.length).toBe(before + 1);
  });

  it("goes on when the API server was away for everybody", async () => {
    const a = candidate("a");
    await pass(10);
    server.away = true;
    await pass(60_000);
    expect(a.isLeader).toBe(false);
    server.away = false;
    await pass(2_100);
    expect(a.isLeader).toBe(true);
  });
});
