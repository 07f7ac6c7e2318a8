import {
  type ApiError,
  type Cluster,
  type Contact,
  describeResource,
  follow,
  pods,
  type Resource,
} from "@pointsman/kubernetes-client";
import type { Clock, Logger, Random } from "@pointsman/plugin-api";

import { endpointsOf } from "./endpoints-of.ts";
import { isSamePod, type Pod, readPod } from "./pod.ts";
import { isSamePool, type PoolSpec, parsePool } from "./pool-spec.ts";
import type { Publisher } from "./publisher.ts";

export interface PoolDiscoveryOptions {
  readonly cluster: Pick<Cluster, "call" | "lines">;
  readonly namespace: string;
  readonly contact: Contact;
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** Pods of one selector, as they are being watched. */
interface PodWatch {
  readonly spec: PoolSpec;
  readonly stop: AbortController;
  pods: ReadonlyMap<string, Pod> | undefined;
}

/**
 * Turns a pool and its pods into sets of endpoints. When the pool's selector changes, the old pods stay until the new
 * ones are completely known; selector and ports change together.
 */
export class PoolDiscovery {
  readonly #options: PoolDiscoveryOptions;
  /** Whose endpoints are in use. */
  #current: PodWatch | undefined;
  /** Watched already, but not completely known. */
  #next: PodWatch | undefined;
  readonly #first = deferred();

  constructor(options: PoolDiscoveryOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => this.#first.reject(options.signal.reason), { once: true });
  }

  /** Resolves when the first complete set was handed over; rejects when the signal aborts before. */
  get first(): Promise<void> {
    return this.#first.promise;
  }

  /** True while a pool is known, so that its endpoints (maybe none) are the truth or the last one known. */
  get known(): boolean {
    return this.#current !== undefined;
  }

  /** Follows a fixed selector. */
  followSelector(spec: PoolSpec): void {
    this.#use(spec);
  }

  /** Follows an InferencePool. */
  followPool(resource: Resource, name: string): void {
    const { cluster, contact, log, signal } = this.#options;
    const label = describeResource(resource);
    void follow<PoolSpec | string>({
      ...this.#common(signal),
      cluster,
      resource,
      fieldSelector: `metadata.name=${name}`,
      read: parsePool,
      same: (a, b) => (typeof a === "string" || typeof b === "string" ? a === b : isSamePool(a, b)),
      onContact: (problem) => contact.report(label, problem),
      onChange: (found) => {
        const spec = found.get(name);
        if (spec === undefined) this.#poolIsAbsent(`${label}: there is no "${name}"`);
        else if (typeof spec === "string") {
          log.error(`${label} "${name}" cannot be used: ${spec}; the endpoints stay as they were`);
        } else this.#use(spec);
      },
    });
  }

  #poolIsAbsent(message: string): void {
    const { log, publisher } = this.#options;
    const had = this.#current !== undefined;
    log.warn(`${message}; ${had ? "its endpoints are withdrawn" : "waiting for it"}, and the picker is not ready`);
    this.#forget(this.#current);
    this.#forget(this.#next);
    this.#current = undefined;
    this.#next = undefined;
    if (had) publisher.soon(() => endpointsOf([], []));
  }

  #use(spec: PoolSpec): void {
    if (this.#current?.spec.labelSelector === spec.labelSelector) {
      // Changed back before the other pods were known.
      this.#forget(this.#next);
      this.#next = undefined;
    }
    const newest = this.#next ?? this.#current;
    if (newest !== undefined && newest.spec.labelSelector === spec.labelSelector) {
      // The same pods: only the ports differ.
      const changed = { ...newest, spec };
      this.#replace(newest, changed);
      return;
    }
    this.#forget(this.#next);
    const { signal } = this.#options;
    const stop = new AbortController();
    const watch: PodWatch = { spec, stop, pods: undefined };
    this.#next = watch;
    this.#followPods(stop, spec.labelSelector, AbortSignal.any([signal, stop.signal]));
  }

  /** Puts a watch with other ports in the place of the same watch. */
  #replace(old: PodWatch, changed: PodWatch): void {
    if (this.#next === old) this.#next = changed;
    else {
      this.#current = changed;
      this.#publish();
    }
  }

  #followPods(stop: AbortController, labelSelector: string, signal: AbortSignal): void {
    const { cluster, contact, namespace } = this.#options;
    const resource = pods(namespace);
    void follow<Pod>({
      ...this.#common(signal),
      cluster,
      resource,
      labelSelector,
      read: readPod,
      same: isSamePod,
      onContact: (problem: ApiError | undefined) => contact.report(describeResource(resource), problem),
      onChange: (found) => {
        if (signal.aborted) return;
        if (this.#next?.stop === stop) {
          this.#forget(this.#current);
          this.#current = this.#next;
          this.#next = undefined;
        }
        if (this.#current?.stop !== stop) return;
        this.#current.pods = found;
        this.#publish();
      },
    });
  }

  #publish(): void {
    const { publisher } = this.#options;
    publisher.soon(() => {
      const current = this.#current;
      queueMicrotask(() => this.#first.resolve());
      return endpointsOf(current?.pods?.values() ?? [], current?.spec.targetPorts ?? []);
    });
  }

  #forget(watch: PodWatch | undefined): void {
    watch?.stop.abort(new Error("another selector is followed"));
  }

  #common(signal: AbortSignal) {
    const { clock, random } = this.#options;
    return {
      signal,
      random: () => random.next(),
      sleep: (ms: number, until: AbortSignal) => clock.sleep(ms, until),
    };
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void; reject: (reason: unknown) => void } {
  let resolve: () => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Somebody may not wait for it.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
