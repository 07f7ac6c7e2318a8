import { describeRedisAddress, parseRedisAddress } from "./address.ts";
import { RedisBreaker, type RedisState } from "./breaker.ts";
import { connectRedis, type RedisClient, type RedisTls } from "./connection.ts";
import { type BlockNames, blockTexts } from "./index-change.ts";
import { type RedisLayoutName, redisLayouts } from "./layouts.ts";
import { type LayoutProbe, probeLayout } from "./probe-layout.ts";
import { type Lookup, RedisReader } from "./reader.ts";
import { WriteMark } from "./write-mark.ts";
import { QueuedRedisWriter, type RedisWriter } from "./writer.ts";

export interface RedisIndexOptions {
  /** See {@link parseRedisAddress} for the forms. */
  readonly address: string;
  /** For `rediss://` addresses. */
  readonly tls?: RedisTls | undefined;
  /** Overrides those of the address. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Default `head`. */
  readonly layout?: RedisLayoutName | undefined;
  /** Milliseconds that a look-up may take. Default 5. */
  readonly deadlineMs?: number | undefined;
  /** Failures in a row after which Redis is not asked for a while. Default 5. */
  readonly failureThreshold?: number | undefined;
  /** The first such while in milliseconds; it doubles up to 32 times. Default 500. */
  readonly coolDownMs?: number | undefined;
  /** Look-ups that may wait at once. Default 256. */
  readonly maxWaiting?: number | undefined;
  /** Changes that may wait, counted in blocks. Default 200 000. */
  readonly maxQueuedBlocks?: number | undefined;
  /** Default: a script, in a cluster one command per block. */
  readonly read?: "script" | "pipeline" | undefined;
  readonly onState?: ((state: RedisState) => void) | undefined;
  /** Connection failures and what the writer has to say. Never holds a password. */
  readonly warn?: ((message: string, fields: Readonly<Record<string, unknown>>) => void) | undefined;
}

/** An index of KV blocks in Redis, shared by several pickers. */
export interface RedisIndex {
  /** The address without user and password. */
  readonly address: string;
  readonly layout: RedisLayoutName;
  readonly state: RedisState;
  /**
   * Who holds the blocks of a prompt, from the first to the first that nobody has. One round trip. Never rejects:
   * where there is no answer in time the result says why.
   * @param model as it was stored; without effect in the layout `head`
   */
  lookup(model: string, blocks: BlockNames): Promise<Lookup>;
  readonly writer: RedisWriter;
  /** Begins to watch whether Redis loses what is written from now on. */
  mark(): WriteMark;
  /** Which layouts the keys in Redis have. @throws what Redis says */
  probe(): Promise<LayoutProbe>;
  /** Resolves when the connection is up, or after `ms`; true when it is. */
  connected(ms: number): Promise<boolean>;
  /** Ends the connection; what waits is given up. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens an index. Connecting goes on in the background, for ever; until then look-ups find nothing and changes wait.
 * @throws RedisAddressError
 */
export function createRedisIndex(options: RedisIndexOptions): RedisIndex {
  const { username, password, warn = () => {} } = options;
  const parsed = parseRedisAddress(options.address);
  const address = {
    ...parsed,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
  const name = options.layout ?? "head";
  const layout = redisLayouts[name];
  const shown = describeRedisAddress(address);
  let lastError = "";
  const client = connectRedis({
    address,
    tls: options.tls,
    onError(message) {
      // The same failure comes with each attempt.
      if (message !== lastError) warn("Redis cannot be reached", { redis: shown, cause: message });
      lastError = message;
    },
  });
  client.on("ready", () => {
    lastError = "";
  });
  const breaker = new RedisBreaker({
    threshold: options.failureThreshold ?? 5,
    coolDownMs: options.coolDownMs ?? 500,
    now: () => performance.now(),
    onChange: options.onState,
  });
  const reader = new RedisReader({
    client,
    layout,
    breaker,
    deadlineMs: options.deadlineMs ?? 5,
    maxWaiting: options.maxWaiting ?? 256,
    read: options.read,
  });
  const writer = new QueuedRedisWriter({
    client,
    layout,
    maxQueuedBlocks: options.maxQueuedBlocks ?? 200_000,
    warn: (message, fields) => warn(message, { redis: shown, ...fields }),
  });
  const ending = new AbortController();
  let closed: Promise<void> | undefined;
  return {
    address: shown,
    layout: name,
    get state() {
      return breaker.state;
    },
    lookup: (model, blocks) => reader.lookup(blockTexts(blocks).map((block) => layout.key(model, block))),
    writer,
    mark: () => new WriteMark(client),
    probe: () => probeLayout(client),
    connected: (ms) => whenReady(client, ms, ending.signal),
    close() {
      ending.abort();
      closed ??= writer.close().finally(() => client.disconnect());
      // A batch that hangs must not hold up the end.
      client.disconnect();
      return closed;
    },
  };
}

function whenReady(client: RedisClient, ms: number, signal: AbortSignal): Promise<boolean> {
  if (client.status === "ready") return Promise.resolve(true);
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      client.off("ready", done);
      signal.removeEventListener("abort", done);
      resolve(client.status === "ready");
    };
    const timer = setTimeout(done, ms);
    client.once("ready", done);
    signal.addEventListener("abort", done);
  });
}
