import type { EngineClock } from "../engine/clock.ts";

/** The KV blocks of one computed prompt. */
export interface KeptPrompt {
  readonly tokens: number;
  readonly blocks: number;
  /** Gives the blocks back to the cache. Called once. */
  release(): void;
}

/** KV blocks that are kept for another server. They stay allocated until it has fetched them, or their time is over. */
export interface HeldKv {
  readonly requests: number;
  readonly blocks: number;
  /** Prompts that were given up because nobody fetched them in time. */
  readonly expired: number;
  readonly fetched: number;
  hold(key: string, kept: KeptPrompt): void;
  /**
   * Resolves with the prompt when it is there, at most `waitMs` later, else with undefined. The blocks stay held: the
   * caller ends that with {@link finish} once it has sent them.
   */
  find(key: string, waitMs: number, signal: AbortSignal): Promise<KeptPrompt | undefined>;
  finish(key: string): void;
  /** Gives everything back and lets nobody wait any longer. */
  close(): void;
}

interface Entry {
  readonly kept: KeptPrompt;
  readonly cancelTimer: () => void;
}

export function createHeldKv(timeoutMs: number, clock: EngineClock): HeldKv {
  const entries = new Map<string, Entry>();
  const waiting = new Map<string, Set<() => void>>();
  let blocks = 0;
  let expired = 0;
  let fetched = 0;

  function drop(key: string): boolean {
    const entry = entries.get(key);
    if (entry === undefined) return false;
    entries.delete(key);
    entry.cancelTimer();
    blocks -= entry.kept.blocks;
    entry.kept.release();
    return true;
  }

  return {
    get requests() {
      return entries.size;
    },
    get blocks() {
      return blocks;
    },
    get expired() {
      return expired;
    },
    get fetched() {
      return fetched;
    },

    hold(key, kept) {
      // A name that is used again replaces what it meant before, so that nothing is held under no name.
      drop(key);
      const cancelTimer = clock.setTimer(timeoutMs, () => {
        if (drop(key)) expired++;
      });
      entries.set(key, { kept, cancelTimer });
      blocks += kept.blocks;
      for (const wake of waiting.get(key) ?? []) wake();
    },

    find(key, waitMs, signal) {
      const there = entries.get(key)?.kept;
      if (there !== undefined || waitMs <= 0 || signal.aborted) return Promise.resolve(there);
      return new Promise((resolve) => {
        const wake = (): void => {
          cancelTimer();
          signal.removeEventListener("abort", wake);
          const list = waiting.get(key);
          list?.delete(wake);
          if (list?.size === 0) waiting.delete(key);
          resolve(entries.get(key)?.kept);
        };
        const cancelTimer = clock.setTimer(waitMs, wake);
        signal.addEventListener("abort", wake);
        const list = waiting.get(key) ?? new Set();
        waiting.set(key, list.add(wake));
      });
    },

    finish(key) {
      if (drop(key)) fetched++;
    },

    close() {
      for (const key of [...entries.keys()]) drop(key);
      for (const list of [...waiting.values()]) for (const wake of [...list]) wake();
    },
  };
}
