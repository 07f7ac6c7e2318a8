import { Cluster, type ClusterOptions, Redis, type RedisOptions } from "ioredis";
import type { RedisAddress } from "./address.ts";
import { boundAnswers } from "./bound-answers.ts";
import { guardAgainstUnaskedReplies } from "./unasked-replies.ts";

/** TLS of connections to `rediss://` addresses. PEM texts. */
export interface RedisTls {
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** Name that the server's certificate must have; default the host of the address. */
  readonly servername?: string | undefined;
  /** Default true. */
  readonly rejectUnauthorized?: boolean | undefined;
}

export type RedisClient = Redis | Cluster;

export interface ConnectionOptions {
  readonly address: RedisAddress;
  readonly tls?: RedisTls | undefined;
  /** Called for each failed attempt and each broken connection, with a text that holds no password. */
  readonly onError: (message: string) => void;
}

const connectTimeoutMs = 2_000;
/** A connection that owes an answer and says nothing for this long is dead: the host is gone, or the network. */
const silentMs = 3_000;
const longestRetryMs = 2_000;

/**
 * A client that fails at once while it has no connection, instead of keeping what it is asked, and that goes on
 * connecting for ever: whoever uses it decides what may wait.
 */
export function connectRedis({ address, tls, onError }: ConnectionOptions): RedisClient {
  guardAgainstUnaskedReplies();
  const client =
    address.kind === "cluster"
      ? new Cluster(
          address.nodes.map(({ host, port }) => ({ host, port })),
          clusterOptions(address, tls),
        )
      : new Redis(serverOptions(address, tls));
  if (client instanceof Cluster) client.on("+node", (node: Redis) => boundAnswers(node));
  else boundAnswers(client);
  // An error of ioredis carries the command that failed, AUTH among them: only its message is passed on.
  client.on("error", (error: Error & { lastNodeError?: Error }) => {
    onError(messageOf(error.lastNodeError ?? error));
  });
  return client;
}

/** One line without control characters, bounded. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: string }).code;
  const told = text === "" ? (code ?? "no reason was given") : text;
  return told.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").slice(0, 200);
}

const common = {
  // Nothing of RESP3 is needed, and old servers and proxies do not have it.
  protocol: 2,
  // INFO may be forbidden; a server that is still loading refuses the commands themselves.
  enableReadyCheck: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  connectTimeout: connectTimeoutMs,
  socketTimeout: silentMs,
  disableClientInfo: true,
  replyMapping: "legacy",
} satisfies RedisOptions;

function serverOptions(address: Exclude<RedisAddress, { kind: "cluster" }>, tls: RedisTls | undefined) {
  const options = {
    ...common,
    ...login(address),
    db: address.db,
    enableOfflineQueue: false,
    retryStrategy,
    ...(address.tls ? { tls: tlsOptions(tls) } : {}),
  } satisfies RedisOptions;
  if (address.kind === "server") {
    if (address.path !== undefined) return { ...options, path: address.path };
    return { ...options, host: address.host, port: address.port };
  }
  return {
    ...options,
    sentinels: address.nodes.map(({ host, port }) => ({ host, port })),
    name: address.master,
    sentinelRetryStrategy: retryStrategy,
    ...(address.tls ? { enableTLSForSentinelMode: true, sentinelTLS: tlsOptions(tls) } : {}),
  };
}

function clusterOptions(address: Extract<RedisAddress, { kind: "cluster" }>, tls: RedisTls | undefined) {
  return {
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    clusterRetryStrategy: retryStrategy,
    slotsRefreshTimeout: connectTimeoutMs,
    slotsRefreshInterval: 10_000,
    maxRedirections: 3,
    redisOptions: { ...common, ...login(address), ...(address.tls ? { tls: tlsOptions(tls) } : {}) },
    // With TLS a node must be dialled by the name that its certificate has.
    ...(address.tls ? { dnsLookup: (name: string, done: (error: null, ip: string) => void) => done(null, name) } : {}),
  } satisfies ClusterOptions;
}

function login({ username, password }: RedisAddress) {
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
}

function tlsOptions(tls: RedisTls = {}): NonNullable<RedisOptions["tls"]> {
  const given = Object.entries(tls).filter(([, value]) => value !== undefined);
  return { rejectUnauthorized: true, ...Object.fromEntries(given) };
}

/** The pause before the next attempt, with jitter, so that replicas do not come all at once. */
function retryStrategy(attempts: number): number {
  const pause = Math.min(longestRetryMs, 50 * 2 ** Math.min(attempts, 10));
  return pause / 2 + (Math.random() * pause) / 2;
}
