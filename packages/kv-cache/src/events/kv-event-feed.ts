import { KvEventDecoder } from "./kv-event-decoder.ts";
import type { KvEventIndexer } from "./kv-event-indexer.ts";
import { MsgpackError } from "./msgpack-reader.ts";
import { noStreamCounts, PublisherStream, type StreamCounts } from "./publisher-stream.ts";
import { ReplayGate, readSequence, requestReplay } from "./replay.ts";
import { type Lane, WorkQueue } from "./work-queue.ts";
import { dialSub, listenSub, type SubListener, type SubSocket, type SubSource } from "./zmtp-sub.ts";

/** A model server as the feed sees it. */
export interface FeedEndpoint {
  readonly id: string;
  readonly name: string;
  /** `host:port` at which it serves. */
  readonly address: string;
  readonly host: string;
}

/** Where an endpoint publishes; undefined for one that does not. */
export interface PublisherAddress {
  readonly host: string;
  readonly port: number;
  readonly replayPort: number | undefined;
}

export interface FeedCounts extends StreamCounts {
  /** Messages that are none: wrong frames or no sequence number. */
  badMessages: number;
  /** Batches that could not be read, or not to the end. */
  badBatches: number;
  malformedEvents: number;
  /** Messages whose topic names no endpoint of the pool. */
  unknownTopics: number;
  connections: number;
}

export type FeedProblem =
  | { readonly kind: "reset"; readonly endpointId: string; readonly detail: string }
  | {
      readonly kind: "bad-message" | "bad-batch" | "malformed-event";
      readonly endpointId: string;
      readonly detail: string;
    }
  | { readonly kind: "unknown-topic"; readonly endpointId: undefined; readonly detail: string }
  | { readonly kind: "connection"; readonly endpointId: string | undefined; readonly detail: string };

export interface FeedOptions {
  readonly indexer: KvEventIndexer;
  readonly engine?: "vllm" | "sglang";
  /** What the topics of endpoints that are dialled begin with. Default: everything. */
  readonly topicFilter?: string;
  /** Where to dial an endpoint; without it nobody is dialled. */
  readonly publisherOf?: (endpoint: FeedEndpoint) => PublisherAddress | undefined;
  /** Called for each problem, as often as there are: say each once. */
  readonly onProblem?: (problem: FeedProblem) => void;
  /** Called for each applied message. */
  readonly onMessage?: (endpointId: string) => void;
}

const MAX_REPLAYS = 4;
const MAX_STREAMS_PER_CONNECTION = 256;
const FRAMES = 3;

/** What is being received of one endpoint. */
interface Subscription {
  readonly endpoint: FeedEndpoint;
  readonly stream: PublisherStream;
  /** Ends the connection that was dialled, and what waits from it. */
  hangUp: () => void;
}

/**
 * Receives the KV events of a pool and applies them: by dialling each endpoint's publisher, by listening for publishers
 * that dial us, or both. Endpoints may come and go at any time.
 */
export class KvEventFeed {
  readonly counts: FeedCounts = {
    ...noStreamCounts(),
    badMessages: 0,
    badBatches: 0,
    malformedEvents: 0,
    unknownTopics: 0,
    connections: 0,
  };
  readonly #options: FeedOptions;
  readonly #indexer: KvEventIndexer;
  readonly #topic: Buffer;
  readonly #decoder: KvEventDecoder;
  readonly #queue = new WorkQueue();
  readonly #replays = new ReplayGate(MAX_REPLAYS);
  readonly #subscriptions = new Map<string, Subscription>();
  #server: SubSocket | undefined;
  #closed = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#indexer = options.indexer;
    this.#topic = Buffer.from(options.topicFilter ?? "");
    this.#decoder = new KvEventDecoder(options.engine);
  }

  /** An endpoint is in the pool. One that is known by this id is forgotten first. */
  add(endpoint: FeedEndpoint): void {
    if (this.#closed) return;
    this.remove(endpoint.id);
    this.#subscribe(endpoint);
  }

  #subscribe(endpoint: FeedEndpoint): void {
    const publisher = this.#options.publisherOf?.(endpoint);
    const stream = this.#streamOf(endpoint, publisher);
    const subscription: Subscription = { endpoint, stream, hangUp: () => {} };
    this.#subscriptions.set(endpoint.id, subscription);
    if (publisher !== undefined) subscription.hangUp = this.#dial(endpoint, stream, publisher);
  }

  /** An endpoint has left the pool: its connection is closed and its blocks are forgotten. */
  remove(endpointId: string): void {
    const subscription = this.#subscriptions.get(endpointId);
    if (subscription === undefined) return;
    this.#subscriptions.delete(endpointId);
    subscription.hangUp();
    subscription.stream.close();
    this.#indexer.removeEndpoint(endpointId);
  }

  /** Endpoints that are followed. */
  endpointIds(): string[] {
    return [...this.#subscriptions.keys()];
  }

  /**
   * Accepts publishers that dial us. The topic of each message, `kv@<endpoint>@<model>`, says whose it is: by
   * `host:port`, name or host, as far as only one endpoint has it.
   * @param topicFilter what topics begin with.
   * @returns the port.
   * @throws the system's error when the address cannot be bound.
   */
  async listen(host: string | undefined, port: number, topicFilter = ""): Promise<number> {
    const server = await listenSub(host, port, Buffer.from(topicFilter), this.#accepted());
    if (this.#closed) server.close();
    this.#server = server;
    return server.port;
  }

  close(): void {
    this.#closed = true;
    this.#server?.close();
    for (const { hangUp, stream } of this.#subscriptions.values()) {
      hangUp();
      stream.close();
    }
    this.#subscriptions.clear();
  }

  #streamOf(endpoint: FeedEndpoint, publisher: PublisherAddress | undefined): PublisherStream {
    const { id } = endpoint;
    const replayPort = publisher?.replayPort;
    return new PublisherStream(
      {
        apply: (payload) => this.#apply(id, payload),
        reset: (detail) => {
          this.#indexer.clear(id);
          this.#options.onProblem?.({ kind: "reset", endpointId: id, detail });
        },
        replay:
          publisher === undefined || replayPort === undefined
            ? undefined
            : (from, signal, onBatch) =>
                this.#replays.run(async () => {
                  await requestReplay({ host: publisher.host, port: replayPort, from, signal, onBatch });
                }),
      },
      this.counts,
    );
  }

  /** Follows an endpoint by dialling it, until the result is called. */
  #dial(endpoint: FeedEndpoint, stream: PublisherStream, { host, port, replayPort }: PublisherAddress): () => void {
    const address = `${host}:${port}`;
    let lane: Lane<readonly Buffer[]> | undefined;
    const hangUp = (): void => {
      if (lane === undefined) return;
      this.counts.connections -= 1;
      lane.close();
      lane = undefined;
    };
    const socket = dialSub(host, port, this.#topic, {
      connected: (source) => {
        this.counts.connections += 1;
        stream.connected();
        lane = this.#queue.lane(source, (frames) => {
          const sequence = this.#sequenceOf(endpoint.id, frames);
          if (Number.isNaN(sequence)) return;
          if (this.#nameModel(endpoint.id, frames[0]!) && replayPort !== undefined) this.#subscribeAnew(endpoint);
          else stream.message(sequence, frames[2]!);
        });
      },
      message: (_, frames) => lane?.push(frames, byteLength(frames)),
      disconnected: (_, error) => {
        hangUp();
        stream.disconnected();
        this.#connectionProblem(endpoint.id, address, error);
      },
      failed: (error) => this.#connectionProblem(endpoint.id, address, error),
    });
    return () => {
      socket.close();
      hangUp();
    };
  }

  /** For all connections that come to us; one may carry the messages of several endpoints. */
  #accepted(): SubListener {
    const lanes = new Map<SubSource, Lane<readonly Buffer[]>>();
    const streams = new Map<SubSource, Map<string, PublisherStream>>();
    return {
      connected: (source) => {
        this.counts.connections += 1;
        const own = new Map<string, PublisherStream>();
        streams.set(source, own);
        lanes.set(
          source,
          this.#queue.lane(source, (frames) => this.#receiveByTopic(own, frames)),
        );
      },
      message: (source, frames) => lanes.get(source)?.push(frames, byteLength(frames)),
      disconnected: (source, error) => {
        this.counts.connections -= 1;
        lanes.get(source)?.close();
        lanes.delete(source);
        for (const stream of streams.get(source)?.values() ?? []) stream.disconnected();
        streams.delete(source);
        this.#connectionProblem(undefined, source.peer, error);
      },
      failed: (error) => this.#connectionProblem(undefined, "a publisher that dialled", error),
    };
  }

  /** @param own the streams that this connection has brought messages of. */
  #receiveByTopic(own: Map<string, PublisherStream>, frames: readonly Buffer[]): void {
    const topic = frames[0]?.toString("utf8", 0, 1_024) ?? "";
    const endpoint = this.#endpointOf(topic);
    if (endpoint === undefined) {
      this.counts.unknownTopics += 1;
      this.#options.onProblem?.({ kind: "unknown-topic", endpointId: undefined, detail: topic });
      return;
    }
    const { stream } = this.#subscriptions.get(endpoint.id)!;
    const sequence = this.#sequenceOf(endpoint.id, frames);
    if (Number.isNaN(sequence)) return;
    if (own.get(endpoint.id) !== stream) {
      if (own.size >= MAX_STREAMS_PER_CONNECTION) own.clear();
      own.set(endpoint.id, stream);
      // The endpoint's messages come on another connection than before: it may have been started anew.
      stream.disconnected();
      stream.connected();
    }
    this.#nameModel(endpoint.id, frames[0]!);
    stream.message(sequence, frames[2]!);
  }

  /** @returns whether stores were left out because the name was not known. */
  #nameModel(endpointId: string, topic: Buffer): boolean {
    const model = topic.length === 0 ? undefined : modelOfTopic(topic.toString("utf8", 0, 1_024));
    return model !== undefined && this.#indexer.nameModel(endpointId, model);
  }

  /** Everything is asked for again: replayed messages have no topic, and what they told could not be used. */
  #subscribeAnew(endpoint: FeedEndpoint): void {
    const { hangUp, stream } = this.#subscriptions.get(endpoint.id)!;
    hangUp();
    stream.close();
    this.#indexer.clear(endpoint.id);
    this.#subscribe(endpoint);
  }

  #endpointOf(topic: string): FeedEndpoint | undefined {
    const pod = podOfTopic(topic);
    const endpoints = [...this.#subscriptions.values()].map(({ endpoint }) => endpoint);
    for (const of of [
      (endpoint: FeedEndpoint) => endpoint.address,
      (endpoint: FeedEndpoint) => endpoint.name,
      (endpoint: FeedEndpoint) => endpoint.host,
    ]) {
      const matching = endpoints.filter((endpoint) => of(endpoint) === pod);
      if (matching.length === 1) return matching[0];
    }
    return undefined;
  }

  /** NaN when the message is none. */
  #sequenceOf(endpointId: string, frames: readonly Buffer[]): number {
    const sequence = frames.length === FRAMES ? readSequence(frames[1]!) : Number.NaN;
    if (sequence >= 0) return sequence;
    this.counts.badMessages += 1;
    const detail = frames.length === FRAMES ? "its sequence number is none" : `it has ${frames.length} frames, not 3`;
    this.#options.onProblem?.({ kind: "bad-message", endpointId, detail });
    return Number.NaN;
  }

  #apply(endpointId: string, payload: Buffer): void {
    this.#options.onMessage?.(endpointId);
    try {
      const batch = this.#decoder.decode(payload, (event) => this.#indexer.apply(endpointId, event));
      if (batch.malformed === 0) return;
      this.counts.malformedEvents += batch.malformed;
      if (batch.uncertain) this.#indexer.clear(endpointId);
      this.#options.onProblem?.({ kind: "malformed-event", endpointId, detail: batch.problem ?? "" });
    } catch (error) {
      if (!(error instanceof MsgpackError)) throw error;
      this.counts.badBatches += 1;
      // Nobody knows what the rest would have said: a removal may have been in it.
      this.#indexer.clear(endpointId);
      this.#options.onProblem?.({ kind: "bad-batch", endpointId, detail: error.message });
    }
  }

  #connectionProblem(endpointId: string | undefined, address: string, error: Error | undefined): void {
    const detail = `${address}: ${error?.message ?? "the publisher closed the connection"}`;
    this.#options.onProblem?.({ kind: "connection", endpointId, detail });
  }
}

/** The endpoint in `kv@<endpoint>@<model>`; a model may have an `@` in it. Another topic is the endpoint as a whole. */
export function podOfTopic(topic: string): string {
  const first = topic.indexOf("@");
  const second = first < 0 ? -1 : topic.indexOf("@", first + 1);
  return second < 0 ? topic : topic.slice(first + 1, second);
}

/** The model in `kv@<endpoint>@<model>`; undefined for another topic. */
export function modelOfTopic(topic: string): string | undefined {
  const second = topic.startsWith("kv@") ? topic.indexOf("@", 3) : -1;
  return second < 0 || second === topic.length - 1 ? undefined : topic.slice(second + 1);
}

function byteLength(frames: readonly Buffer[]): number {
  let sum = 0;
  for (const frame of frames) sum += frame.length;
  return sum;
}
