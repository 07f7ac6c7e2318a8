import type {
  Candidates,
  Capabilities,
  CapabilityName,
  Choice,
  Completion,
  DataKey,
  Endpoint,
  Logger,
  Metrics,
  RequestView,
} from "@pointsman/plugin-api";
import { CallMeter } from "../guard/call-meter.ts";
import type { Guard } from "../guard/guard.ts";
import { applyMetrics } from "./apply-metrics.ts";
import type { IsolationLimits } from "./isolation-limits.ts";
import { type AskedTable, identityOf, PostedTable } from "./posted-table.ts";
import {
  errorData,
  errorOf,
  type FromWorker,
  type InstanceDescription,
  type RequestMention,
  type ToWorker,
  type Vote,
  type WorkerTask,
} from "./protocol.ts";
import { requestData } from "./request-data.ts";
import { copyVote, valuesOf } from "./votes.ts";
import { WorkerThread } from "./worker-thread.ts";

/** Messages a worker may be behind with; more are not sent. */
const BACKLOG = 1_000;
/** How long a worker may take to release what it holds, in milliseconds. */
const RELEASE_MS = 2_000;

/** The answers of a worker about one request, over the endpoints it was asked about. */
interface Votes {
  readonly endpoints: readonly Endpoint[];
  readonly scores: Vote<Float64Array> | undefined;
  readonly keep: Vote<Uint8Array> | undefined;
}

interface Ask {
  readonly request: RequestView;
  readonly endpoints: readonly Endpoint[];
  readonly startedAt: number;
  readonly settled: () => void;
}

export interface IsolatedPluginOptions {
  readonly task: WorkerTask;
  readonly capabilities: readonly CapabilityName[];
  readonly reads: readonly DataKey[];
  readonly limits: IsolationLimits;
}

type State = "new" | "starting" | "running" | "waiting" | "stopped";

/**
 * The host's side of an instance that lives in a worker thread. Votes are asked for beforehand; what {@link setUp}
 * returns reads those that arrived, and throws for the others, so that the guards treat them like any failure.
 */
export class IsolatedPlugin {
  /** Name of the instance. */
  readonly name: string;
  readonly limits: IsolationLimits;
  /** Times that a worker was started again. */
  restarts = 0;
  /** Asks whose answer came too late or never. */
  lateVotes = 0;
  /** Messages that were not sent because the worker was too far behind. */
  dropped = 0;
  /** From a question to its answer in time. */
  readonly roundTrips: CallMeter = new CallMeter();
  readonly #task: WorkerTask;
  readonly #reads: readonly DataKey[];
  readonly #asksScorer: boolean;
  readonly #asksFilter: boolean;
  readonly #hooks: boolean;
  readonly #asks = new Map<number, Ask>();
  readonly #votes = new WeakMap<RequestView, Votes>();
  readonly #known = new WeakMap<RequestView, { readonly number: number; readonly thread: WorkerThread }>();
  #guards: ReadonlyMap<CapabilityName, Guard> = new Map();
  #log!: Logger;
  #metrics: Metrics | undefined;
  #state: State = "new";
  #thread: WorkerThread | undefined;
  #table: PostedTable;
  #counter = 0;
  #sent = 0;
  #handled = 0;
  #missed = 0;
  #ready = true;
  #startedAt = 0;
  #pauses = 0;
  #wasStarted = false;
  #heartbeat: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;

  constructor({ task, capabilities, reads, limits }: IsolatedPluginOptions) {
    this.name = task.entry.name;
    this.limits = limits;
    this.#task = task;
    this.#reads = reads;
    this.#asksFilter = capabilities.includes("filter");
    this.#asksScorer = capabilities.includes("scorer");
    this.#hooks = capabilities.includes("postChoice") || capabilities.includes("afterResponse");
    this.#table = new PostedTable(reads);
  }

  /** What the worker is doing. */
  get state(): State {
    return this.#state;
  }

  /** The guards around what {@link setUp} returned: they say whether asking makes sense. */
  watch(guards: ReadonlyMap<CapabilityName, Guard>): void {
    this.#guards = guards;
  }

  /**
   * Starts the worker and sets the instance up in it. Resolves with its counterparts in this thread; rejects with what
   * the plugin's `setup` threw, or when the worker ends.
   */
  async setUp(services: { readonly log: Logger; readonly metrics: Metrics | undefined }): Promise<Capabilities> {
    this.#log = services.log;
    this.#metrics = services.metrics;
    const instance = await this.#startThread();
    // Until the first sign of life says otherwise.
    this.#ready = !instance.members.includes("ready");
    this.#run();
    return this.#counterparts(instance);
  }

  /** Lets the instance release what it holds, for a moment, and ends the worker. */
  async end(): Promise<void> {
    const responds = this.#state === "running" && this.#missed === 0;
    this.#become("stopped");
    clearInterval(this.#heartbeat);
    clearTimeout(this.#restart);
    const thread = this.#thread;
    if (thread === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, RELEASE_MS);
    });
    try {
      if (responds) await Promise.race([thread.step("release"), late]);
    } finally {
      clearTimeout(timer);
      await thread.terminate();
    }
  }

  /**
   * Asks for the votes about a request over the whole table. Returns what to call when nobody waits any longer, or
   * undefined when there is no use in asking: the instance has no vote, its circuits are open, or its worker is down.
   * @param settled called when the answer is there, unless it came too late.
   */
  ask(request: RequestView, table: AskedTable, settled: () => void): (() => void) | undefined {
    if (this.#state !== "running" || !this.#worthAsking()) return undefined;
    if (this.#sent - this.#handled >= BACKLOG) {
      this.dropped += 1;
      return undefined;
    }
    const number = (this.#counter += 1);
    try {
      this.#post({ kind: "ask", ask: number, request: this.#mention(request), change: this.#table.changeTo(table) });
    } catch (error) {
      // A value that cannot be copied: what has crossed of the change is not known.
      this.#table = new PostedTable(this.#reads);
      this.#known.delete(request);
      const vote = { error: errorData(error) };
      this.#votes.set(request, { endpoints: table.endpoints, scores: vote, keep: vote });
      return undefined;
    }
    this.#asks.set(number, { request, endpoints: table.endpoints, startedAt: performance.now(), settled });
    return () => {
      if (this.#asks.delete(number)) this.lateVotes += 1;
    };
  }

  /** Nothing more will be said about a request. */
  forget(request: RequestView): void {
    const known = this.#known.get(request);
    if (known === undefined) return;
    this.#known.delete(request);
    if (known.thread === this.#thread) known.thread.post({ kind: "forget", request: known.number });
  }

  #worthAsking(): boolean {
    return (
      (this.#asksScorer && this.#guards.get("scorer")?.breaker.admits !== false) ||
      (this.#asksFilter && this.#guards.get("filter")?.breaker.admits !== false)
    );
  }

  #counterparts({ members, filter }: InstanceDescription): Capabilities {
    return {
      ...(filter === undefined
        ? {}
        : {
            filter: {
              empties: filter.empties,
              ...(filter.onError === undefined ? {} : { onError: filter.onError }),
              filter: (request, candidates, keep) => {
                const votes = this.#votesOf(request);
                copyVote(votes.endpoints, valuesOf(votes.keep), candidates, keep);
              },
            },
          }),
      ...(members.includes("scorer") && {
        scorer: {
          score: (request: RequestView, candidates: Candidates, scores: Float64Array) => {
            const votes = this.#votesOf(request);
            copyVote(votes.endpoints, valuesOf(votes.scores), candidates, scores);
          },
        },
      }),
      ...(members.includes("postChoice") && {
        postChoice: (request: RequestView, choice: Choice) => {
          const picked = (profile: string) => choice.result(profile)?.picked.map(identityOf) ?? [];
          const profiles = choice.profiles.map((profile) => ({ profile, picked: picked(profile) }));
          const { primaryProfile } = choice;
          this.#tell(() => ({
            kind: "postChoice",
            request: this.#mention(request),
            choice: { primaryProfile, profiles },
          }));
        },
      }),
      ...(members.includes("afterResponse") && {
        afterResponse: (request: RequestView, { outcome, served, status, usage, durationMs }: Completion) => {
          const completion = { outcome, status, usage, durationMs, served: served && identityOf(served) };
          this.#tell(() => ({ kind: "afterResponse", request: this.#mention(request), completion }));
        },
      }),
      start: async () => {
        if (members.includes("start")) await this.#running().step("start");
        this.#wasStarted = true;
      },
      stop: async () => {
        // One that does not answer, or is down, has nothing to say at its stop.
        if (members.includes("stop") && this.#state === "running" && this.#missed === 0)
          await this.#running().step("stop");
      },
      ...(members.includes("ready") && { ready: () => this.#ready }),
    };
  }

  #votesOf(request: RequestView): Votes {
    const votes = this.#votes.get(request);
    if (votes !== undefined) return votes;
    throw new Error(
      this.#state === "running"
        ? `no answer from its worker within ${this.limits.deadlineMs} ms`
        : "its worker is down",
    );
  }

  #running(): WorkerThread {
    if (this.#thread === undefined) throw new Error("its worker is down");
    return this.#thread;
  }

  /** A request as the worker knows it, or all of it. */
  #mention(request: RequestView): RequestMention {
    const thread = this.#running();
    const known = this.#known.get(request);
    if (known?.thread === thread) return { number: known.number, data: undefined, keep: true };
    const number = (this.#counter += 1);
    if (this.#hooks) this.#known.set(request, { number, thread });
    return { number, data: requestData(request, this.name), keep: this.#hooks };
  }

  /** One way: nobody waits, and what a worker that is down or far behind would have heard is lost. */
  #tell(message: () => ToWorker): void {
    if (this.#state === "running" && this.#sent - this.#handled < BACKLOG) this.#post(message());
    else this.dropped += 1;
  }

  #post(message: ToWorker): void {
    this.#running().post(message);
    this.#sent += 1;
  }

  #onMessage(message: FromWorker): void {
    switch (message.kind) {
      case "votes": {
        this.#handled = message.handled;
        const ask = this.#asks.get(message.ask);
        if (ask === undefined) return;
        this.#asks.delete(message.ask);
        this.roundTrips.observe(performance.now() - ask.startedAt);
        this.#votes.set(ask.request, { endpoints: ask.endpoints, scores: message.scores, keep: message.keep });
        ask.settled();
        return;
      }
      case "pong":
        this.#handled = message.handled;
        this.#ready = message.ready;
        this.#missed = 0;
        return;
      case "hookFailed": {
        const guard = this.#guards.get(message.hook);
        guard?.meter.fail(errorOf(message.error));
        guard?.breaker.fail();
        return;
      }
      case "log":
        this.#log[message.level](message.message, message.fields);
        return;
      case "metrics":
        try {
          if (this.#metrics !== undefined) applyMetrics(this.#metrics, message.updates);
        } catch (error) {
          this.#log.warn("a metric of the plugin cannot be used", { error: errorData(error).message });
        }
        return;
      default:
    }
  }

  async #startThread(): Promise<InstanceDescription> {
    this.#become("starting");
    const thread = new WorkerThread({
      task: this.#task,
      heapMb: this.limits.heapMb,
      log: this.#log,
      onMessage: (message) => this.#onMessage(message),
      onEnd: (reason) => {
        // While it starts, whoever waits for the step hears of it.
        if (this.#thread === thread && this.#state === "running") this.#fall(reason);
      },
    });
    this.#thread = thread;
    this.#table = new PostedTable(this.#reads);
    this.#sent = 0;
    this.#handled = 0;
    this.#missed = 0;
    this.#startedAt = performance.now();
    const instance = await thread.step("setup");
    return instance!;
  }

  #run(): void {
    if (this.#state === "stopped") return;
    this.#become("running");
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.#beat(), this.limits.pingMs);
    this.#heartbeat.unref();
    this.#thread?.post({ kind: "ping" });
  }

  /** Counts intervals, not time: while this thread stands still the worker cannot be heard. */
  #beat(): void {
    if (this.#missed >= this.limits.missedPings) {
      const thread = this.#thread;
      this.#fall(`no sign of life for ${this.limits.missedPings * this.limits.pingMs} ms`);
      void thread?.terminate();
      return;
    }
    this.#missed += 1;
    this.#thread?.post({ kind: "ping" });
  }

  /** The worker is gone: go on without it, and start another one after a pause. */
  #fall(reason: string): void {
    clearInterval(this.#heartbeat);
    this.#thread = undefined;
    // The picker serves on without it.
    this.#ready = true;
    for (const [number, { settled }] of [...this.#asks]) {
      this.#asks.delete(number);
      this.lateVotes += 1;
      settled();
    }
    if (this.#state === "stopped") return;
    this.#become("waiting");
    if (performance.now() - this.#startedAt >= this.limits.healthyMs) this.#pauses = 0;
    const pauseMs = Math.min(this.limits.pauseMs * 2 ** Math.min(this.#pauses, 20), this.limits.longestPauseMs);
    this.#pauses += 1;
    this.restarts += 1;
    this.#log.error("the worker of this plugin has ended and will be started again", {
      code: "POINTSMAN_PLUGIN_CRASHED_CALL",
      reason,
      restarts: this.restarts,
      pauseMs,
    });
    this.#restart = setTimeout(() => void this.#startAgain(), pauseMs);
    this.#restart.unref();
  }

  async #startAgain(): Promise<void> {
    if (this.#state === "stopped") return;
    let timer: NodeJS.Timeout | undefined;
    try {
      const late = new Promise<never>((_, reject) => {
        const error = new Error(`setup has not finished after ${this.limits.stepMs} ms`);
        timer = setTimeout(() => reject(error), this.limits.stepMs);
        timer.unref();
      });
      const begin = async (): Promise<void> => {
        const { members } = await this.#startThread();
        if (this.#wasStarted && members.includes("start")) await this.#running().step("start");
      };
      await Promise.race([begin(), late]);
      this.#run();
      if (this.state === "running")
        this.#log.info("the worker of this plugin is up again", { restarts: this.restarts });
    } catch (error) {
      const thread = this.#thread;
      this.#fall(errorData(error).message);
      void thread?.terminate();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Stopped is for good. */
  #become(state: State): void {
    if (this.#state !== "stopped") this.#state = state;
  }
}
