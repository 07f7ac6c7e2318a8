import { createLinkedList, type ListNode } from "./linked-list.ts";

interface CachedBlock {
  readonly key: number;
  references: number;
  /** Set while nobody refers to the block, which then waits for reuse or eviction. */
  idle: ListNode<CachedBlock> | undefined;
}

/** What one request holds. It belongs to the pool: hand it back with `release`, exactly once. */
export interface KvLease {
  /** Blocks found in the cache, from the front of the prompt. */
  readonly hits: number;
  readonly blocks: CachedBlock[];
  /** Blocks without a key: the unfinished end of the prompt and the output. */
  privateBlocks: number;
  released: boolean;
}

/**
 * The KV cache of one server: a fixed number of blocks. Blocks with a key are shared by all requests with the same
 * prefix and counted by reference; without references they stay until their place is needed, the longest unused first.
 */
export interface KvBlocks {
  readonly total: number;
  /** Blocks that some request refers to. */
  readonly used: number;
  /** Blocks with a key, referred to or not. */
  readonly cached: number;
  /**
   * Takes one block per key, those in the cache first, and `privateBlocks` more; evicts what it needs.
   *
   * @param usableHits at most so many leading keys count as hits; the blocks of further keys are shared but computed anew
   * @returns undefined, with nothing changed, when there are not enough blocks now
   */
  acquire(keys: readonly number[], usableHits: number, privateBlocks: number): KvLease | undefined;
  /**
   * Ends the lease. Its keyed blocks stay cached.
   *
   * @param sealKeys keys for private blocks that have been filled; these blocks stay cached too
   */
  release(lease: KvLease, sealKeys?: readonly number[]): void;
  /** Ends the lease of a request whose prompt was never computed: blocks that only it had are dropped, not cached. */
  discard(lease: KvLease): void;
}

/** Is told which keys enter and leave the cache. */
export interface KvKeyListener {
  added(key: number): void;
  dropped(key: number): void;
}

const nobody: KvKeyListener = { added: () => undefined, dropped: () => undefined };

export function createKvBlocks(total: number, listener: KvKeyListener = nobody): KvBlocks {
  const byKey = new Map<number, CachedBlock>();
  // Least recently used first.
  const idle = createLinkedList<CachedBlock>();
  let privateTotal = 0;

  const unallocated = (): number => total - byKey.size - privateTotal;

  function makeRoom(): void {
    if (unallocated() > 0) return;
    const oldest = idle.first!;
    idle.remove(oldest);
    byKey.delete(oldest.value.key);
    listener.dropped(oldest.value.key);
  }

  function unreference(block: CachedBlock): void {
    block.references--;
    if (block.references === 0) block.idle = idle.push(block);
  }

  return {
    total,
    get used() {
      return byKey.size - idle.size + privateTotal;
    },
    get cached() {
      return byKey.size;
    },

    acquire(keys, usableHits, privateBlocks) {
      let present = 0;
      let presentIdle = 0;
      for (; present < keys.length; present++) {
        const block = byKey.get(keys[present]!);
        if (block === undefined) break;
        if (block.references === 0) presentIdle++;
      }
      // A later block of the chain may have outlived an earlier one; it is used, though it is no hit.
      let strays = 0;
      for (let i = present; i < keys.length; i++) {
        const block = byKey.get(keys[i]!);
        if (block === undefined) continue;
        strays++;
        if (block.references === 0) presentIdle++;
      }
      const needed = keys.length - present - strays + privateBlocks;
      if (needed > unallocated() + idle.size - presentIdle) return undefined;

      const blocks: CachedBlock[] = [];
      // First hold on to what is there, so that making room for the rest cannot evict it.
      for (const key of keys) {
        const block = byKey.get(key);
        if (block === undefined) continue;
        block.references++;
        if (block.idle !== undefined) {
          idle.remove(block.idle);
          block.idle = undefined;
        }
      }
      for (const key of keys) {
        let block = byKey.get(key);
        if (block === undefined) {
          makeRoom();
          block = { key, references: 1, idle: undefined };
          byKey.set(key, block);
          listener.added(key);
        }
        blocks.push(block);
      }
      for (let i = 0; i < privateBlocks; i++) {
        makeRoom();
        privateTotal++;
      }
      return { hits: Math.min(present, usableHits), blocks, privateBlocks, released: false };
    },

    release(lease, sealKeys = []) {
      if (lease.released) return;
      lease.released = true;
      privateTotal -= lease.privateBlocks;
      const sealed: CachedBlock[] = [];
      for (const key of sealKeys.slice(0, lease.privateBlocks)) {
        if (byKey.has(key)) continue;
        const block: CachedBlock = { key, references: 1, idle: undefined };
        byKey.set(key, block);
        listener.added(key);
        sealed.push(block);
      }
      // From the end: of one prompt the last blocks are evicted first, since a prefix is worth more than what follows it.
      for (let i = sealed.length - 1; i >= 0; i--) unreference(sealed[i]!);
      for (let i = lease.blocks.length - 1; i >= 0; i--) unreference(lease.blocks[i]!);
    },

    discard(lease) {
      if (lease.released) return;
      lease.released = true;
      privateTotal -= lease.privateBlocks;
      for (let i = lease.blocks.length - 1; i >= 0; i--) {
        const block = lease.blocks[i]!;
        if (block.references === 1 && i >= lease.hits) {
          byKey.delete(block.key);
          listener.dropped(block.key);
          block.references = 0;
        } else {
          unreference(block);
        }
      }
    },
  };
}
