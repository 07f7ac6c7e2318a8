import type { Endpoint } from "@pointsman/plugin-api";
import { Engine, type EngineEvent } from "./fleet/engine.ts";
import { type FleetSpec, modelOf, type ServerSpec } from "./fleet/fleet.ts";
import { type BlockEvent, KvEventChannel, type KvEventOptions } from "./fleet/kv-events.ts";
import { Scrapes } from "./fleet/scrapes.ts";
import { hitCeiling } from "./hit-ceiling.ts";
import type { PickerPlan } from "./picker/picker-plan.ts";
import { SimulatedPicker } from "./picker/simulated-picker.ts";
import { TraceRequestView } from "./picker/trace-request-view.ts";
import { VirtualClock } from "./picker/virtual-clock.ts";
import type { ReplayResult } from "./report/replay-result.ts";
import { Tally } from "./report/tally.ts";
import type { Trace } from "./trace/trace.ts";

export interface ReplayOptions {
  /** Names the run in reports: the configuration's file, mostly. */
  readonly name: string;
  readonly trace: Trace;
  readonly plan: PickerPlan;
  readonly fleet: FleetSpec;
  /** How many times as fast as recorded the requests arrive. Default 1. */
  readonly speed?: number;
  /** Equal seeds give equal runs. Default `replay`. */
  readonly seed?: string;
  /** Who hears of blocks that are stored and given up, and how late and how surely. Default: nobody. */
  readonly kvEvents?: KvEventOptions;
  /** Called now and then with the number of requests that have arrived. */
  readonly onProgress?: (arrived: number, all: number) => void;
}

/** A whole second of the epoch: runs do not depend on when they are made. */
const EPOCH_MS = 1_700_000_000_000;
const PROGRESS_EVERY = 512;

/** One request between its choice and the end of its answer. */
interface Routed {
  readonly view: TraceRequestView;
  readonly endpoint: Endpoint;
}

/**
 * Replays a trace against a model of a fleet in virtual time. The choices are made by the configured plugins in the
 * production host and scheduler.
 * @throws DiagnosticError when the host refuses the configuration.
 */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const { trace, fleet, speed = 1, seed = "replay", onProgress } = options;
  const started = performance.now();
  const clock = new VirtualClock(EPOCH_MS);
  const picker = await SimulatedPicker.load({ plan: options.plan, clock, seed });
  try {
    const run = new Run(options, picker, clock, speed, seed);
    for (let i = 0; i < trace.requests.length; i += 1) {
      const pending = run.arrive(i);
      if (pending !== undefined) await pending;
      if (i % PROGRESS_EVERY === 0) {
        onProgress?.(i, trace.requests.length);
        // Lets a caller's timers and signals have their turn.
        await new Promise((done) => setImmediate(done));
      }
    }
    run.finish();
    const capacity = fleet.servers.reduce((sum, { blocks }) => sum + blocks, 0);
    const unlimited = fleet.servers.some(({ blocks }) => blocks === 0);
    return {
      name: options.name,
      hitCeiling: hitCeiling(trace, unlimited ? 0 : capacity),
      ...run.tally.result(),
      faults: picker.faults(),
      lines: picker.lines,
      seconds: (performance.now() - started) / 1_000,
    };
  } finally {
    await picker.stop();
  }
}

/** The state of one replay. */
class Run {
  readonly tally: Tally;
  readonly #options: ReplayOptions;
  readonly #picker: SimulatedPicker;
  readonly #clock: VirtualClock;
  readonly #speed: number;
  readonly #seed: string;
  readonly #engines: Engine[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #routed = new Map<number, Routed>();
  readonly #scrapes: Scrapes;
  readonly #joining: ServerSpec[];
  readonly #channel: KvEventChannel | undefined;
  #events: EngineEvent[] = [];

  constructor(options: ReplayOptions, picker: SimulatedPicker, clock: VirtualClock, speed: number, seed: string) {
    this.#options = options;
    this.#picker = picker;
    this.#clock = clock;
    this.#speed = speed;
    this.#seed = seed;
    const { servers } = options.fleet;
    this.tally = new Tally(options.trace, servers);
    this.#scrapes = new Scrapes(options.fleet, options.trace);
    const channel = options.kvEvents && new KvEventChannel(options.kvEvents, seed);
    this.#channel = channel;
    this.#joining = servers.filter(({ joinsAtMs }) => joinsAtMs > 0).sort((a, b) => a.joinsAtMs - b.joinsAtMs);
    servers.forEach((server, i) => {
      this.#numbers.set(`default/${server.name}`, i);
      const { trace, fleet } = options;
      const capacity = server.blocks === 0 ? Number.POSITIVE_INFINITY : server.blocks;
      const sizes = { traceBlockTokens: trace.blockTokens, engineBlockTokens: fleet.engineBlockTokens };
      const tell = channel && ((event: BlockEvent) => channel.send(event));
      this.#engines.push(new Engine(i, modelOf(server, fleet.model), capacity, sizes, tell));
    });
    this.#publishPool(0);
  }

  /** The next request arrives. */
  arrive(index: number): Promise<void> | undefined {
    const { trace } = this.#options;
    const request = trace.requests[index]!;
    const atMs = request.atMs / this.#speed;
    while (this.#joining.length > 0 && this.#joining[0]!.joinsAtMs <= atMs) {
      const { joinsAtMs } = this.#joining.shift()!;
      this.#advance(joinsAtMs);
      this.#publishPool(joinsAtMs);
    }
    const tick = this.#scrapes.due(atMs);
    if (tick !== undefined) {
      this.#advance(tick);
      this.#scrapes.publish(tick, this.#engines, this.#picker);
    }
    this.#advance(atMs);
    const view = new TraceRequestView(index, request, trace.blockTokens, this.#clock.now, this.#seed);
    const picked = this.#picker.route(view);
    if (picked instanceof Promise) return picked.then((endpoints) => this.#dispatch(index, view, endpoints, atMs));
    this.#dispatch(index, view, picked, atMs);
    return undefined;
  }

  /** Everything that is under way comes to its end. */
  finish(): void {
    this.#advance(Number.POSITIVE_INFINITY);
  }

  #dispatch(index: number, view: TraceRequestView, picked: readonly Endpoint[] | undefined, atMs: number): void {
    const endpoint = picked?.[0];
    if (endpoint === undefined) {
      this.tally.refused();
      return;
    }
    const number = this.#numbers.get(endpoint.id)!;
    this.#routed.set(index, { view, endpoint });
    this.#engines[number]!.submit(index, this.#options.trace.requests[index]!, atMs);
  }

  /** Lets the engines work until `untilMs` and tells the plugins, in order, what happened meanwhile. */
  #advance(untilMs: number): void {
    const events = this.#events;
    events.length = 0;
    for (const engine of this.#engines) engine.advance(untilMs, events);
    events.sort((a, b) => a.atMs - b.atMs);
    for (const { kind, atMs, sequence } of events) {
      this.#clock.advance(EPOCH_MS + atMs);
      const { view, endpoint } = this.#routed.get(sequence.index)!;
      if (kind === "first-token") {
        this.tally.firstToken(sequence, atMs);
        this.#picker.answered(view, endpoint);
        continue;
      }
      this.#routed.delete(sequence.index);
      this.#picker.ended(view, { outcome: "ended", served: endpoint, status: 200, usage: usageOf(sequence) });
    }
    this.#channel?.advance(untilMs);
    if (Number.isFinite(untilMs)) this.#clock.advance(EPOCH_MS + untilMs);
  }

  #publishPool(atMs: number): void {
    const present = this.#options.fleet.servers.filter(({ joinsAtMs }) => joinsAtMs <= atMs);
    this.#picker.replace(present.map(({ name, labels }, i) => ({ name, host: addressOf(i), port: 8000, labels })));
    this.#scrapes.forget();
  }
}

function usageOf({ request, uncachedTokens }: EngineEvent["sequence"]) {
  const { inputTokens, outputTokens } = request;
  return {
    promptTokens: inputTokens,
    completionTokens: outputTokens,
    totalTokens: inputTokens + outputTokens,
    cachedTokens: inputTokens - uncachedTokens,
  };
}

/** Made-up addresses; nothing is sent to them. */
function addressOf(i: number): string {
  return `10.0.${Math.floor(i / 250)}.${(i % 250) + 1}`;
}
