import { setTimeout as sleep } from "node:timers/promises";
import type { HostLogger } from "@pointsman/telemetry";
import type { AllowedHosts } from "./allowed-hosts.ts";
import { ApiFailure, get, type KubernetesApi, readJson, readLines } from "./kubernetes-api.ts";
import { parseInferencePool } from "./parse-inference-pool.ts";

export interface PoolName {
  readonly namespace: string;
  readonly name: string;
  readonly group: string;
}

export interface WatchPoolOptions {
  readonly api: KubernetesApi;
  readonly pool: PoolName;
  readonly log: HostLogger;
  /** How long one watch lasts; then pool and pods are listed anew. Default 30 s. */
  readonly resyncMs?: number;
  /** First pause after a failure; doubles up to the resync. Default 1 s. */
  readonly backOffMs?: number;
}

interface Pod {
  readonly metadata?: { readonly name?: string; readonly resourceVersion?: string };
  readonly status?: { readonly podIP?: string; readonly podIPs?: readonly { readonly ip?: string }[] };
}

interface PodList {
  readonly metadata?: { readonly resourceVersion?: string };
  readonly items?: readonly Pod[];
}

interface WatchEvent {
  readonly type?: string;
  readonly object?: Pod;
}

const REQUEST_MS = 10_000;

/**
 * The names and addresses of the pods that an InferencePool selects: listed, then watched. Nothing is allowed before the
 * first list; afterwards the last good set stays whatever happens to the API server.
 */
export function watchPool({ api, pool, log, resyncMs = 30_000, backOffMs = 1_000 }: WatchPoolOptions): AllowedHosts {
  const stop = new AbortController();
  /** Hosts by the name of the pod. */
  let pods: ReadonlyMap<string, readonly string[]> = new Map();
  let hosts: ReadonlySet<string> = new Set();
  const publish = (next: ReadonlyMap<string, readonly string[]>): void => {
    pods = next;
    hosts = new Set([...next.values()].flat());
  };

  async function fetchJson(path: string): Promise<unknown> {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(REQUEST_MS)]);
    return readJson(await get(api, path, signal));
  }

  async function once(): Promise<void> {
    const version = pool.group.includes(".x-k8s.io") ? "v1alpha2" : "v1";
    const namespace = encodeURIComponent(pool.namespace);
    const name = encodeURIComponent(pool.name);
    const found = await fetchJson(`/apis/${pool.group}/${version}/namespaces/${namespace}/inferencepools/${name}`);
    const selector = parseInferencePool(found);
    if ("fault" in selector) throw new ApiFailure(`${pool.namespace}/${pool.name}: ${selector.fault}`);
    const labels = Object.entries(selector.matchLabels).map(([key, value]) => `${key}=${value}`);
    const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(labels.join(","))}`;
    const list = (await fetchJson(path)) as PodList;
    publish(new Map((list.items ?? []).map((pod) => [pod.metadata?.name ?? "", hostsOf(pod)])));
    await follow(
      `${path}&watch=true&allowWatchBookmarks=true&resourceVersion=${list.metadata?.resourceVersion ?? "0"}`,
    );
  }

  async function follow(path: string): Promise<void> {
    const over = AbortSignal.any([stop.signal, AbortSignal.timeout(resyncMs)]);
    try {
      for await (const event of readLines(await get(api, path, over))) {
        const { type, object = {} } = event as WatchEvent;
        // Too old a version, for instance: list again.
        if (type === "ERROR") return;
        const name = object.metadata?.name;
        if (name === undefined || type === "BOOKMARK") continue;
        const next = new Map(pods);
        if (type === "DELETED") next.delete(name);
        else next.set(name, hostsOf(object));
        publish(next);
      }
    } catch (error) {
      if (!over.aborted) throw error;
    }
  }

  async function run(): Promise<void> {
    let pause = backOffMs;
    while (!stop.signal.aborted) {
      const began = performance.now();
      try {
        await once();
        pause = backOffMs;
      } catch (error) {
        if (stop.signal.aborted) return;
        log.warn("the pool cannot be followed; the last good set stays", { ...pool, error: (error as Error).message });
        pause = Math.min(2 * pause, resyncMs);
      }
      // A watch that ends at once must not become a loop without a pause.
      const least = performance.now() - began < backOffMs ? pause : 0;
      if (least > 0) await sleep(least, undefined, { signal: stop.signal }).catch(() => {});
    }
  }
  void run();

  return { has: (host) => hosts.has(host), close: () => stop.abort() };
}

/** By any of these a header may name the pod. */
function hostsOf({ metadata, status }: Pod): string[] {
  const addresses = [status?.podIP, ...(status?.podIPs ?? []).map(({ ip }) => ip)];
  return [...new Set([metadata?.name, ...addresses].flatMap((host) => host?.toLowerCase() ?? []))];
}
