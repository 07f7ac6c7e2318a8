import type { Clock, Logger, Metrics, Random } from "@pointsman/plugin-api";
import { type ConditionReport, reportCondition } from "./condition.ts";
import { Contact } from "./contact.ts";
import { follow } from "./follow.ts";
import { type Cluster, openCluster } from "./open-cluster.ts";
import { describeResource, type KubernetesObject, type Resource } from "./resource.ts";

export interface ObjectsOptions<Item> {
  readonly cluster: { readonly kubeconfig: string | undefined; readonly context: string | undefined };
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** Default: that of the kubeconfig's context or of the own pod. */
  readonly namespace: string | undefined;
  readonly pool: { readonly name: string; readonly group: string };
  /** Reads an object of this pool; a sentence says that it is wrong, and it then counts as absent. Must not throw. */
  readonly read: (object: KubernetesObject) => Item | string;
  /** All good objects of the pool, by name, each time something changes. Do not keep. */
  readonly onChange: (items: ReadonlyMap<string, Item>) => void;
  /** Write the condition `Accepted` into each object. */
  readonly reportStatus: boolean;
  readonly needs: {
    readonly clock: Clock;
    readonly log: Logger;
    readonly metrics: Metrics;
    readonly random: Random;
  };
}

interface Entry<Item> {
  readonly item: Item | string;
  readonly generation: string;
}

/** How long a start waits for the first list: an API server that is away must not keep a picker from serving. */
const FIRST_LIST_MS = 3_000;

/**
 * Follows the objects that refer to one pool by `spec.poolRef`. Wrong ones are logged, and told in their status; they never
 * touch the others. Objects of other pools are not looked at.
 */
export class PoolObjects<Item> {
  readonly #options: ObjectsOptions<Item>;
  readonly #stop = new AbortController();
  #cluster: Cluster | undefined;
  #complaints = new Map<string, string>();
  #statusRefused = false;

  constructor(options: ObjectsOptions<Item>) {
    this.#options = options;
  }

  /**
   * Begins, and waits a little for the first list.
   * @throws Error when there is no usable kubeconfig.
   */
  async start(): Promise<void> {
    const { cluster: where, group, version, plural, namespace, needs } = this.#options;
    const { clock, random } = needs;
    const cluster = await openCluster(where);
    this.#cluster = cluster;
    const resource: Resource = { group, version, plural, namespace: namespace ?? cluster.namespace ?? "default" };
    const label = describeResource(resource);
    const contact = new Contact(needs);
    const { signal } = this.#stop;
    await new Promise<void>((resolve) => {
      void clock.sleep(FIRST_LIST_MS, signal).then(resolve, resolve);
      void follow<Entry<Item>>({
        cluster,
        resource,
        read: (object) => this.#read(resource, object),
        same: (a, b) => a.generation === b.generation,
        onChange: (entries) => {
          this.#tell(label, entries);
          resolve();
        },
        onContact: (problem) => {
          contact.report(label, problem);
          if (problem !== undefined) resolve();
        },
        signal,
        random: () => random.next(),
        sleep: (ms, until) => clock.sleep(ms, until),
      });
    });
  }

  stop(): void {
    this.#stop.abort(new Error("stopped"));
    this.#cluster?.close();
  }

  #read(resource: Resource, object: KubernetesObject): Entry<Item> | undefined {
    const { pool, read, reportStatus } = this.#options;
    const { poolRef } = (object.spec ?? {}) as { poolRef?: { group?: unknown; name?: unknown } };
    if (poolRef?.name !== pool.name || (poolRef.group ?? pool.group) !== pool.group) return undefined;
    const item = read(object);
    if (reportStatus) this.#report(resource, object, typeof item === "string" ? item : undefined);
    const { uid = "", generation = 0, creationTimestamp = "" } = object.metadata;
    return { item, generation: `${uid}/${generation}/${creationTimestamp}` };
  }

  #tell(label: string, entries: ReadonlyMap<string, Entry<Item>>): void {
    const { log } = this.#options.needs;
    const good = new Map<string, Item>();
    const complaints = new Map<string, string>();
    for (const [name, { item }] of entries) {
      if (typeof item !== "string") good.set(name, item);
      else complaints.set(name, item);
    }
    for (const [name, text] of complaints) {
      if (this.#complaints.get(name) !== text) log.warn(`${label}: "${name}" is left out: ${text}`);
    }
    this.#complaints = complaints;
    this.#options.onChange(good);
  }

  #report(resource: Resource, object: KubernetesObject, mistake: string | undefined): void {
    const report: ConditionReport =
      mistake === undefined
        ? { type: "Accepted", status: "True", reason: "Accepted", message: "The picker follows it." }
        : { type: "Accepted", status: "False", reason: "Invalid", message: `It is left out: ${mistake}.` };
    const { clock, log } = this.#options.needs;
    reportCondition(this.#cluster!, resource, object, report, new Date(clock.now())).catch((error: unknown) => {
      // Another replica was faster, or the object has changed and comes again.
      if ((error as { kind?: unknown }).kind === "conflict" || this.#statusRefused || this.#stop.signal.aborted) return;
      this.#statusRefused = true;
      log.info("the status of objects cannot be written; their mistakes are only in this log", {
        error: error instanceof Error ? error.message : String(error),
      });
    });
  }
}
