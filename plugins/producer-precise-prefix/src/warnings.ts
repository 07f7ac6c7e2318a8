import type { FeedProblem } from "@pointsman/kv-cache";
import type { Endpoint, Logger } from "@pointsman/plugin-api";
import { KvBlockSize } from "@pointsman/plugin-api/keys";
import type { BlockKnowledge } from "./block-knowledge.ts";
import { Once } from "./once.ts";
import type { PreciseOptions } from "./options.ts";
import { publisherAddress } from "./publisher-address.ts";

/** Requests after which an endpoint must have told of blocks. */
const REQUESTS_WITHOUT_EVENTS = 10;
const SILENCE_MS = 10_000;

/** Says, once in ten minutes for each endpoint and cause, what makes the index know less than it could, and what to do about it. */
export class Warnings {
  readonly #once: Once;
  readonly #options: PreciseOptions;
  /** Requests that an endpoint has served since it was last heard of, and when the first of them was. */
  readonly #unheard = new Map<string, { requests: number; since: number }>();

  readonly #now: () => number;

  /** @param now milliseconds */
  constructor(log: Logger, options: PreciseOptions, now: () => number) {
    this.#now = now;
    this.#once = new Once(log);
    this.#options = options;
  }

  problem(problem: FeedProblem): void {
    const { kind, endpointId, detail } = problem;
    const endpoint = endpointId ?? "unknown";
    if (kind === "reset") {
      this.#once.info(
        `reset ${endpoint}`,
        "an endpoint's KV blocks were uncertain: forgotten, and known anew from its next events",
        {
          endpoint,
          detail,
        },
      );
    } else if (kind === "unknown-topic") {
      this.#once.warn(
        `topic ${detail}`,
        "KV events of an endpoint that is not in the pool: the topic must be kv@HOST:PORT@MODEL with the address at which the endpoint serves",
        { topic: detail },
      );
    } else if (kind === "connection") {
      this.#once.warn(
        `connection ${endpoint}`,
        "the KV events of an endpoint cannot be received at the moment; it is tried again and again. Check that the engine publishes (--kv-events-config) and that podDiscoveryConfig.socketPort is its port",
        { endpoint, detail },
      );
    } else {
      this.#once.warn(
        `${kind} ${endpoint}`,
        "an endpoint sends KV events that cannot be read: check kvEventsConfig.engineType and the engine's version",
        { endpoint, problem: kind, detail },
      );
    }
  }

  otherBlockSize(endpoint: string, engine: number): void {
    const configured = this.#options.blockTokens;
    this.#once.warn(
      `block size ${endpoint} ${engine}`,
      `an endpoint has KV blocks of ${engine} tokens, but blockSizeTokens is ${configured}: its cache is not seen. Set tokenProcessorConfig.blockSizeTokens to ${engine}, or start the engine with --block-size ${configured}`,
      { endpoint, engineBlockSize: engine, blockSizeTokens: configured },
    );
  }

  unnamedModel(endpoint: string): void {
    this.#once.warn(
      `model ${endpoint}`,
      "the topics of an endpoint's KV events do not say its model's name, which the keys in Redis begin with: its cache is not seen. Set redisConfig.modelName, or start the engine with the topic kv@HOST:PORT@MODEL",
      { endpoint },
    );
  }

  /** What an index in Redis has to say; the same at most once in ten minutes. */
  redis(message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#once.warn(`redis ${message}`, message, fields);
  }

  /** A prompt of at least one block was served by an endpoint. */
  served(endpoint: Endpoint, knowledge: BlockKnowledge): void {
    if (this.#options.redis?.isWriter === false) return;
    if (knowledge.heardAt.has(endpoint.id)) {
      this.#unheard.delete(endpoint.id);
      return;
    }
    const now = this.#now();
    const unheard = this.#unheard.get(endpoint.id) ?? { requests: 0, since: now };
    unheard.requests += 1;
    this.#unheard.set(endpoint.id, unheard);
    if (unheard.requests < REQUESTS_WITHOUT_EVENTS || now - unheard.since < SILENCE_MS) return;
    const address = publisherAddress(endpoint, this.#options.events);
    this.#once.warn(
      `silent ${endpoint.id}`,
      `no KV events have come from an endpoint that was sent ${unheard.requests} prompts: its cache is not seen. Start the engine with --kv-events-config '{"enable_kv_cache_events":true,"publisher":"zmq","endpoint":"tcp://*:${address?.port ?? 5557}"}', or say at podDiscoveryConfig.socketPort where it publishes`,
      {
        endpoint: endpoint.id,
        expectedAt: address === undefined ? this.#options.events.zmqEndpoint : `tcp://${address.host}:${address.port}`,
      },
    );
  }

  /** Looks at what the engines say of themselves. */
  check(endpoints: Iterable<Endpoint>): void {
    for (const endpoint of endpoints) {
      const size = endpoint.get(KvBlockSize);
      if (size !== undefined && size > 0 && size !== this.#options.blockTokens) this.otherBlockSize(endpoint.id, size);
    }
  }

  tooManyEndpoints(endpoint: Endpoint): void {
    const { maxEndpoints } = this.#options;
    this.#once.warn(
      "endpoints",
      `the pool has more endpoints than maxEndpoints (${maxEndpoints}): the caches of the others are not seen`,
      {
        endpoint: endpoint.id,
        maxEndpoints,
      },
    );
  }

  forget(endpointId: string): void {
    this.#unheard.delete(endpointId);
    this.#once.forget(`silent ${endpointId}`);
    this.#once.forget(`connection ${endpointId}`);
  }
}
