import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent, type RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import { ApiError, type Attempt } from "./api-error.ts";
import { type Exchange, exchange, exchangeLines } from "./exchange.ts";

export interface ClusterOptions {
  /** Path of a kubeconfig. Without one: the service account of the pod, or what `KUBECONFIG` and the home folder say. */
  readonly kubeconfig?: string | undefined;
  /** Context of the kubeconfig; its current one otherwise. */
  readonly context?: string | undefined;
}

export interface Call {
  readonly attempt: Attempt;
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`; patches name their kind. */
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  /** Default 15 s. */
  readonly timeoutMs?: number;
  /** Larger answers are refused. Default 64 MiB. */
  readonly maxBytes?: number;
}

/** A connection to one API server. Holds idle sockets until {@link Cluster.close}. */
export interface Cluster {
  readonly server: string;
  /** Namespace of the context or the pod, when there is one. */
  readonly namespace: string | undefined;
  /** @returns the parsed JSON of a 2xx answer. @throws ApiError for everything else. */
  call(call: Call): Promise<unknown>;
  /**
   * Reads an answer line by line, as watches send it. Resolves when the server has ended it in order.
   * @throws ApiError when it fails, and with kind `unreachable` when nothing more came within `timeoutMs`.
   */
  lines(call: Call, onOpen: () => void, onLine: (line: string) => void): Promise<void>;
  close(): void;
}

/**
 * Reads the configuration; nothing is sent yet. Authentication, TLS, exec plugins and token renewal are those of the
 * official client, whose code is loaded here and not before, because it takes a second and 70 MB.
 * @throws Error when the kubeconfig cannot be read or names no cluster.
 */
export async function openCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  if (options.kubeconfig !== undefined) config.loadFromFile(options.kubeconfig);
  else {
    config.loadFromDefault();
    // Where it finds nothing, the official client takes a guess that nobody made since the days of `kubectl proxy`.
    if (config.getCurrentCluster()?.server === "http://localhost:8080") {
      throw new Error("there is no kubeconfig, and this is no pod with a service account");
    }
  }
  if (options.context !== undefined) {
    if (config.getContextObject(options.context) === null) {
      throw new Error(`the kubeconfig has no context "${options.context}"`);
    }
    config.setCurrentContext(options.context);
  }
  return clusterOf(config);
}

function clusterOf(config: KubeConfig): Cluster {
  const current = config.getCurrentCluster();
  if (current === null) throw new Error("the kubeconfig names no cluster: its current context is missing or wrong");
  const server = new URL(current.server);
  const agent =
    server.protocol === "https:"
      ? new HttpsAgent({ keepAlive: true, keepAliveMsecs: 10_000 })
      : new HttpAgent({ keepAlive: true, keepAliveMsecs: 10_000 });

  const prepare = async (call: Call): Promise<Exchange> => {
    const options: RequestOptions = { headers: {} };
    try {
      await config.applyToHTTPSOptions(options);
    } catch (cause) {
      throw new ApiError("unauthorized", call.attempt, `no credentials: ${(cause as Error).message}`, undefined, cause);
    }
    // Theirs is a new agent for each call, without sockets that are used again; only proxies need it.
    if (current.proxyUrl === undefined) options.agent = agent;
    const prefix = server.pathname === "/" ? "" : server.pathname.replace(/\/$/, "");
    const query = new URLSearchParams(call.query).toString();
    const path = `${prefix}${call.path}${query === "" ? "" : `?${query}`}`;
    return {
      attempt: call.attempt,
      secure: server.protocol === "https:",
      options: {
        ...options,
        host: server.hostname.replace(/^\[(.*)\]$/, "$1"),
        port: server.port === "" ? (server.protocol === "https:" ? 443 : 80) : server.port,
        method: call.method ?? "GET",
        path,
        headers: { ...options.headers, accept: "application/json", "user-agent": "pointsman" },
      },
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
      contentType: call.contentType ?? "application/json",
      signal: call.signal,
      timeoutMs: call.timeoutMs ?? 15_000,
      maxBytes: call.maxBytes ?? 64 * 1_048_576,
    };
  };

  return {
    server: current.server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
    call: async (call) => exchange(await prepare(call)),
    lines: async (call, onOpen, onLine) => exchangeLines(await prepare(call), onOpen, onLine),
    close: () => agent.destroy(),
  };
}
