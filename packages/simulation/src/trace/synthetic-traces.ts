import { seededRandom } from "@pointsman/scheduling";
import type { Trace, TraceRequest } from "./trace.ts";

const BLOCK_TOKENS = 512;

export interface SyntheticOptions {
  readonly requests: number;
  /** Mean requests in a second. */
  readonly rate: number;
  /** Equal seeds give equal traces. Default 1. */
  readonly seed?: number;
}

/** Shapes of load that differ in what can be reused and when. */
export const syntheticTraces: Readonly<Record<string, (options: SyntheticOptions) => Trace>> = {
  /** Agents: few long sessions on a common system prompt; each turn adds a little and comes seconds after the last. */
  agentic: (options) => {
    const make = new TraceMaker("agentic sessions", options);
    const system = make.blocks(6);
    return make.sessions({
      turns: () => 20 + make.integer(40),
      start: () => [...system, ...make.blocks(4 + make.integer(16))],
      growth: () => 1 + make.integer(3),
      pauseMs: () => 2_000 + make.exponential(6_000),
      output: () => 60 + make.integer(300),
    });
  },
  /** Chats: many short sessions with long pauses and a common first block. */
  chat: (options) => {
    const make = new TraceMaker("chats", options);
    const first = make.blocks(1);
    return make.sessions({
      turns: () => 1 + make.integer(8),
      start: () => [...first, ...make.blocks(1 + make.integer(4))],
      growth: () => 1 + make.integer(2),
      pauseMs: () => 10_000 + make.exponential(40_000),
      output: () => 100 + make.integer(500),
    });
  },
  /** Evaluation jobs: bursts of 50 prompts with the same long examples and a short question of their own. */
  "few-shot": (options) => {
    const make = new TraceMaker("few-shot batches", options);
    const templates = Array.from({ length: 24 }, () => make.blocks(8 + make.integer(32)));
    const requests: TraceRequest[] = [];
    let atMs = 0;
    while (requests.length < options.requests) {
      const template = templates[make.integer(templates.length)]!;
      for (let i = 0; i < 50 && requests.length < options.requests; i += 1) {
        requests.push(
          make.request(atMs + make.exponential(200), [...template, ...make.blocks(1)], 20 + make.integer(60)),
        );
      }
      atMs += make.exponential((50 * 1_000) / options.rate);
    }
    return make.trace(requests);
  },
  /** Nothing can be reused. */
  random: (options) => {
    const make = new TraceMaker("random prompts", options);
    let atMs = 0;
    const requests = Array.from({ length: options.requests }, () => {
      atMs += make.exponential(1_000 / options.rate);
      return make.request(atMs, make.blocks(1 + make.integer(40)), 50 + make.integer(400));
    });
    return make.trace(requests);
  },
  /** Conversations that all start within short bursts, with silence between. */
  bursty: (options) => {
    const make = new TraceMaker("bursts", options);
    const calm = make.sessions({
      turns: () => 2 + make.integer(6),
      start: () => make.blocks(4 + make.integer(20)),
      growth: () => 1 + make.integer(4),
      pauseMs: () => 5_000 + make.exponential(20_000),
      output: () => 100 + make.integer(300),
    });
    // Every ten seconds shrink to the first two, five times as dense.
    const requests = calm.requests.map((request) => {
      const period = Math.floor(request.atMs / 10_000);
      return { ...request, atMs: period * 10_000 + (request.atMs % 10_000) / 5 };
    });
    return { ...calm, requests };
  },
};

interface SessionShape {
  turns(): number;
  /** Blocks of the first prompt. */
  start(): number[];
  /** Blocks that each further turn adds. */
  growth(): number;
  pauseMs(): number;
  /** Tokens of an answer. */
  output(): number;
}

/** Makes the parts of one trace from one sequence of random numbers. */
class TraceMaker {
  readonly #name: string;
  readonly #options: SyntheticOptions;
  readonly #random: () => number;
  #next = 0;

  constructor(name: string, options: SyntheticOptions) {
    this.#name = name;
    this.#options = options;
    this.#random = seededRandom(name, String(options.seed ?? 1));
  }

  integer(below: number): number {
    return Math.floor(this.#random() * below);
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.#random());
  }

  /** Blocks that no other prompt has. */
  blocks(count: number): number[] {
    return Array.from({ length: count }, () => this.#next++);
  }

  /** A prompt that ends somewhere in its last block. */
  request(atMs: number, blocks: readonly number[], outputTokens: number): TraceRequest {
    const inputTokens = blocks.length * BLOCK_TOKENS - this.integer(BLOCK_TOKENS);
    return { atMs, inputTokens, outputTokens, blocks: Int32Array.from(blocks) };
  }

  /** Sessions whose first turns arrive at random; cut off at the wanted number of requests. */
  sessions(shape: SessionShape): Trace {
    const { requests: wanted, rate } = this.#options;
    const requests: TraceRequest[] = [];
    let startMs = 0;
    // Further sessions would start after the last request that counts.
    for (let made = 0; made < 2 * wanted; ) {
      const turns = shape.turns();
      let blocks = shape.start();
      let atMs = startMs;
      for (let turn = 0; turn < turns; turn += 1) {
        requests.push(this.request(atMs, blocks, shape.output()));
        // The next prompt repeats this one, its cut last block replaced by the whole history.
        blocks = [...blocks.slice(0, -1), ...this.blocks(1 + shape.growth())];
        atMs += shape.pauseMs();
      }
      made += turns;
      startMs += this.exponential((turns * 1_000) / rate);
    }
    return this.trace(requests);
  }

  trace(requests: readonly TraceRequest[]): Trace {
    const sorted = [...requests].sort((a, b) => a.atMs - b.atMs).slice(0, this.#options.requests);
    const first = sorted[0]?.atMs ?? 0;
    return {
      name: this.#name,
      blockTokens: BLOCK_TOKENS,
      blockCount: this.#next,
      requests: sorted.map((request) => ({ ...request, atMs: request.atMs - first })),
    };
  }
}
