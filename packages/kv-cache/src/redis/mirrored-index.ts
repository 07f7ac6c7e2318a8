import { setTimeout as sleep } from "node:timers/promises";
import type { KvEventTarget } from "../events/kv-event-target.ts";
import { type ExactIndexOptions, ExactPrefixIndex, type HolderListener } from "../exact/exact-prefix-index.ts";
import { type Tier, tiers } from "../exact/tiers.ts";
import type { BlockKeys } from "../keys/block-keys.ts";
import type { RedisWriter } from "./writer.ts";

export interface MirrorOptions {
  readonly exact: Omit<ExactIndexOptions, "listener">;
  /** Asked for at each change. */
  readonly writer: () => RedisWriter;
  /** Whether Redis has lost something since the last look, see `RedisIndex.mark`. */
  readonly isLost: () => Promise<boolean>;
  /** What an endpoint is called in Redis; asked when it joins. */
  readonly podOf: (endpointId: string) => string;
  /** Everything is written again. */
  readonly onRewrite?: ((why: string) => void) | undefined;
}

const TIER_NAMES: Readonly<Record<Tier, string>> = {
  [tiers.gpu]: "gpu",
  [tiers.cpu]: "cpu",
  [tiers.remote]: "remote",
  [tiers.expected]: "expected",
};
/** Blocks of an index that are looked at in one step of writing everything again. */
const STEP = 4_096;
/** So many blocks may wait for Redis while everything is written again. */
const MOST_QUEUED = 50_000;
const PAUSE_MS = 20;

/**
 * An exact index in memory that passes on to Redis what changes in it: when an endpoint begins to hold a block and when
 * it no longer does. Parents, copies and groups are resolved here, so Redis needs one field per block and holder.
 *
 * An endpoint that joins is removed from Redis first, for nobody knows what it has lost meanwhile. What Redis has lost,
 * or could not be told in time, is written again from memory.
 */
export class MirroredIndex implements KvEventTarget, HolderListener {
  readonly local: ExactPrefixIndex;
  readonly #options: MirrorOptions;
  readonly #pods = new Map<string, string>();
  /** Changes of the same kind that follow each other. */
  #kind: "store" | "remove" = "store";
  #endpointId = "";
  #tier: Tier = tiers.gpu;
  #keys: number[] = [];
  #dropped = 0;
  #checking = false;
  #looked = false;
  #closed = false;

  /** @throws RangeError when the limits are out of range. */
  constructor(options: MirrorOptions) {
    this.#options = options;
    this.local = new ExactPrefixIndex({ ...options.exact, listener: this });
  }

  join(endpointId: string): boolean {
    if (!this.local.join(endpointId)) return false;
    if (!this.#pods.has(endpointId)) {
      const pod = this.#options.podOf(endpointId);
      this.#pods.set(endpointId, pod);
      this.#options.writer().clear(pod);
    }
    return true;
  }

  clear(endpointId: string): void {
    this.local.clear(endpointId);
    this.#clearPod(endpointId);
  }

  removeEndpoint(endpointId: string): void {
    this.local.removeEndpoint(endpointId);
    this.#clearPod(endpointId);
    this.#pods.delete(endpointId);
  }

  store(endpointId: string, tier: Tier, hashes: BlockKeys, keys: BlockKeys): number {
    return this.#passingOn(() => this.local.store(endpointId, tier, hashes, keys));
  }

  addTier(endpointId: string, tier: Tier, low: number, high: number): boolean {
    return this.#passingOn(() => this.local.addTier(endpointId, tier, low, high));
  }

  remove(endpointId: string, tier: Tier, low: number, high: number): boolean {
    return this.#passingOn(() => this.local.remove(endpointId, tier, low, high));
  }

  keyOf(endpointId: string, low: number, high: number, key: BlockKeys): boolean {
    return this.local.keyOf(endpointId, low, high, key);
  }

  held(endpointId: string, tier: Tier, low: number, high: number): void {
    this.#change("store", endpointId, tier, low, high);
  }

  released(endpointId: string, tier: Tier, low: number, high: number): void {
    this.#change("remove", endpointId, tier, low, high);
  }

  /** Call it when Redis is connected and then about once a second: writes everything again when Redis has lost it. Never rejects. */
  async check(): Promise<void> {
    const { isLost, onRewrite } = this.#options;
    if (this.#checking || this.#closed) return;
    const writer = this.#options.writer();
    this.#checking = true;
    try {
      const { dropped, queued, written } = writer.statistics();
      // What was written before the first look may be lost without a trace.
      const isEmptied = (await isLost()) || (!this.#looked && written > 0);
      this.#looked = true;
      if (!isEmptied && (dropped === this.#dropped || queued > 0)) return;
      this.#dropped = dropped;
      onRewrite?.(isEmptied ? "Redis has lost what was written" : "changes were dropped");
      await this.#rewrite();
    } catch {
      // Redis does not answer: the next look will tell. Who reads says that it does not.
    } finally {
      this.#checking = false;
    }
  }

  close(): void {
    this.#closed = true;
  }

  async #rewrite(): Promise<void> {
    const writer = this.#options.writer();
    for (const pod of this.#pods.values()) writer.clear(pod);
    let at = 0;
    do {
      at = this.local.tell(at, STEP, this);
      this.#flush();
      do await sleep(PAUSE_MS);
      while (!this.#closed && writer.statistics().queued > MOST_QUEUED);
    } while (at !== 0 && !this.#closed);
  }

  #clearPod(endpointId: string): void {
    const pod = this.#pods.get(endpointId);
    if (pod !== undefined) this.#options.writer().clear(pod);
  }

  #passingOn<Result>(change: () => Result): Result {
    const result = change();
    this.#flush();
    return result;
  }

  #change(kind: "store" | "remove", endpointId: string, tier: Tier, low: number, high: number): void {
    if (kind !== this.#kind || endpointId !== this.#endpointId || tier !== this.#tier) {
      this.#flush();
      this.#kind = kind;
      this.#endpointId = endpointId;
      this.#tier = tier;
    }
    this.#keys.push(low, high);
  }

  #flush(): void {
    if (this.#keys.length === 0) return;
    const blocks = Int32Array.from(this.#keys);
    this.#keys = [];
    const pod = this.#pods.get(this.#endpointId);
    if (pod === undefined) return;
    this.#options.writer()[this.#kind]({ model: "", pod, tier: TIER_NAMES[this.#tier], blocks });
  }
}
