import { randomBytes } from "node:crypto";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { CacheWatch } from "./cache-watch.ts";
import { batchOf, type EventEncoding, removedEvent, storedEvent } from "./event-forms.ts";
import { type Packable, pack } from "./msgpack.ts";
import { createZmtpPeer, type ZmtpPeer } from "./zmtp-peer.ts";

export interface KvEventOptions {
  /** `tcp://*:5557` to listen, `tcp://host:5557` to dial, as in vLLM. Port 0 takes a free one. */
  readonly endpoint: string;
  /** Where batches can be asked for again; undefined = nowhere. */
  readonly replayEndpoint: string | undefined;
  readonly topic: string;
  readonly encoding: EventEncoding;
  /** Batches that are kept for replay. */
  readonly bufferSteps: number;
  /** Tokens per block. */
  readonly blockSize: number;
}

/** Publishes what happens to the blocks of a server's cache, as vLLM does over ZeroMQ. */
export interface KvEventPublisher extends CacheWatch {
  /** Port of the PUB socket; of the peer when it dials. */
  readonly port: number;
  readonly replayPort: number | undefined;
  close(): Promise<void>;
}

/** A subscriber that is so far behind loses batches, as at ZeroMQ's high-water mark. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
const DIAL_AGAIN_MS = 200;
const END = Buffer.alloc(8, 255);

/** @throws the error of the socket when an address cannot be listened on */
export async function createKvEventPublisher(options: KvEventOptions): Promise<KvEventPublisher> {
  const { blockSize, encoding } = options;
  // Like an engine without PYTHONHASHSEED: each has a hash space of its own, also after a restart.
  const seed = randomBytes(8).readBigUInt64BE();
  const hashOf = (key: number): bigint => ((BigInt(key) << 11n) | 0x2a5n) ^ seed;
  const topic = Buffer.from(options.topic);
  const subscribers = new Map<ZmtpPeer, Buffer[]>();
  const kept: { readonly sequence: bigint; readonly payload: Buffer }[] = [];
  const sockets = new Set<Socket>();
  let sequence = 0n;
  let closed = false;
  let pending: Packable[] = [];
  let removed: number[] = [];
  let flushing: NodeJS.Immediate | undefined;

  const encodeSequence = (value: bigint): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(value);
    return bytes;
  };
  const takeRemoved = (): void => {
    if (removed.length === 0) return;
    pending.push(removedEvent(removed, hashOf, encoding));
    removed = [];
  };
  /** Everything that happens in one step of the scheduler is one batch. */
  const later = (): void => {
    flushing ??= setImmediate(() => {
      flushing = undefined;
      takeRemoved();
      publish(pack(batchOf(pending, Date.now())));
      pending = [];
    });
  };
  const publish = (payload: Buffer): void => {
    kept.push({ sequence, payload });
    if (kept.length > options.bufferSteps) kept.shift();
    const message = [topic, encodeSequence(sequence), payload];
    sequence++;
    for (const [peer, prefixes] of subscribers) {
      const wanted = prefixes.some((prefix) => topic.subarray(0, prefix.length).equals(prefix));
      if (wanted && peer.waitingBytes < MAX_WAITING_BYTES) peer.send(message);
    }
  };

  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  };
  const serveSubscriber = (socket: Socket): void => {
    track(socket);
    const prefixes: Buffer[] = [];
    const peer = createZmtpPeer(socket, "PUB", {
      onReady: () => undefined,
      onMessage: ([body]) => {
        const prefix = Buffer.from(body!.subarray(1));
        if (body![0] === 1) prefixes.push(prefix);
        else prefixes.splice(prefixes.findIndex((other) => other.equals(prefix)) >>> 0, 1);
      },
    });
    subscribers.set(peer, prefixes);
    socket.on("close", () => subscribers.delete(peer));
  };
  const serveReplay = (socket: Socket): void => {
    track(socket);
    const peer = createZmtpPeer(socket, "ROUTER", {
      onReady: () => undefined,
      onMessage: (frames) => {
        const [delimiter, start] = frames;
        if (frames.length !== 2 || delimiter!.length !== 0 || start!.length !== 8) return;
        const from = start!.readBigUInt64BE();
        for (const batch of kept) {
          if (batch.sequence < from) continue;
          peer.send([Buffer.alloc(0), topic, encodeSequence(batch.sequence), batch.payload]);
        }
        peer.send([Buffer.alloc(0), Buffer.alloc(0), END, Buffer.alloc(0)]);
      },
    });
  };

  const dial = (host: string, port: number): void => {
    if (closed) return;
    const socket = connect({ host, port });
    serveSubscriber(socket);
    socket.on("close", () => setTimeout(() => dial(host, port), DIAL_AGAIN_MS).unref());
  };

  const servers: Server[] = [];
  const own = parseAddress(options.endpoint);
  let port = own.port;
  if (own.host !== "*") dial(own.host, own.port);
  else port = await listen(servers, own.port, serveSubscriber);
  const replay = options.replayEndpoint === undefined ? undefined : parseAddress(options.replayEndpoint);
  const replayPort = replay === undefined ? undefined : await listen(servers, replay.port, serveReplay);

  return {
    port,
    replayPort,
    stored(blocks) {
      takeRemoved();
      pending.push(storedEvent(blocks, blockSize, hashOf, encoding));
      later();
    },
    removed(key) {
      removed.push(key);
      later();
    },
    async close() {
      closed = true;
      if (flushing !== undefined) clearImmediate(flushing);
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

/** `tcp://host:port`; the star means every interface. */
export function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(":");
  return { host: address.slice("tcp://".length, at).replace(/^\[|\]$/g, ""), port: Number(address.slice(at + 1)) };
}

async function listen(servers: Server[], port: number, serve: (socket: Socket) => void): Promise<number> {
  const server = createServer(serve);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, () => {
      server.off("error", reject);
      resolve();
    });
  });
  servers.push(server);
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}
