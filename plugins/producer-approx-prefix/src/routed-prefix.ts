import { type Addition, type BlockKeys, keyCount } from "@pointsman/kv-cache";
import type { FollowedIndex } from "./followed-index.ts";

const NOTHING: BlockKeys = new Int32Array(0);

/** The prompt of one request, and where it is recorded. Survives every order and repetition of calls. */
export class RoutedPrefix {
  /** Size of a block, in the unit of whoever made the keys. */
  readonly blockSize: number;
  readonly #followed: FollowedIndex;
  #keys: BlockKeys;
  #primary: Addition | undefined;
  #others: Addition[] = [];
  #routed = false;

  constructor(followed: FollowedIndex, keys: BlockKeys, blockSize: number) {
    this.blockSize = blockSize;
    this.#followed = followed;
    this.#keys = keys;
  }

  get keys(): BlockKeys {
    return this.#keys;
  }

  get blocks(): number {
    return keyCount(this.#keys);
  }

  /** True at the first call only. */
  beginRouting(): boolean {
    const first = !this.#routed;
    this.#routed = true;
    return first;
  }

  /**
   * The endpoint that is to serve the request gets its blocks.
   * @returns how many leading blocks were recorded for it before.
   */
  recordPrimary(endpointId: string, capacity: number): number {
    this.#primary = this.#followed.add(endpointId, this.#keys, capacity);
    return this.#primary?.known ?? 0;
  }

  /** Another endpoint that works for the request, such as the prefill one, gets its blocks too. */
  recordOther(endpointId: string, capacity: number): void {
    if ([this.#primary, ...this.#others].some((addition) => addition?.endpointId === endpointId)) return;
    const addition = this.#followed.add(endpointId, this.#keys, capacity);
    if (addition !== undefined) this.#others.push(addition);
  }

  /** The answer has begun: what was recorded for the picked endpoint goes to the one that serves. */
  servedBy(endpointId: string, capacity: () => number): void {
    if (this.#routed && this.blocks > 0 && this.#primary?.endpointId !== endpointId) {
      if (this.#primary !== undefined) this.#followed.index.withdraw(this.#primary, this.#keys);
      this.#followed.add(endpointId, this.#keys, capacity());
    }
    this.#end();
  }

  /** Nobody has computed the prompt: what was recorded for it alone is taken back. */
  withdraw(): void {
    const { index } = this.#followed;
    if (this.#primary !== undefined) index.withdraw(this.#primary, this.#keys);
    for (const other of this.#others) index.withdraw(other, this.#keys);
    this.#end();
  }

  /** An answer may take minutes: the keys are given up. */
  #end(): void {
    this.#keys = NOTHING;
    this.#primary = undefined;
    this.#others = [];
  }
}
