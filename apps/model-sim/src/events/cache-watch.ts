/** Whole blocks that follow each other, newly in the cache. */
export interface StoredBlocks {
  readonly keys: readonly number[];
  /** Key of the block before the first; undefined at the beginning of a prompt. */
  readonly parent: number | undefined;
  /** Tokens of all of them. Not kept by whoever is told. */
  readonly tokens: Uint32Array;
  readonly adapter: string | undefined;
  readonly cacheSalt: string;
}

/** Is told what happens to blocks with a key, in the order in which it happens. */
export interface CacheWatch {
  stored(blocks: StoredBlocks): void;
  removed(key: number): void;
}

/** Where the blocks of a request come from. */
export interface BlockOrigin {
  readonly adapter: string | undefined;
  readonly cacheSalt: string;
}

/**
 * Tells of the blocks among `keys` that are fresh: as few runs as possible.
 *
 * @param keys keys of consecutive blocks
 * @param tokens tokens of these blocks, from the first on
 * @param parent key of the block before the first
 */
export function reportFresh(
  watch: CacheWatch,
  keys: readonly number[],
  fresh: ReadonlySet<number>,
  tokens: Uint32Array,
  blockSize: number,
  parent: number | undefined,
  origin: BlockOrigin,
): void {
  for (let from = 0; from < keys.length; ) {
    if (!fresh.has(keys[from]!)) {
      from++;
      continue;
    }
    let to = from + 1;
    while (to < keys.length && fresh.has(keys[to]!)) to++;
    watch.stored({
      keys: keys.slice(from, to),
      parent: from === 0 ? parent : keys[from - 1],
      tokens: tokens.subarray(from * blockSize, to * blockSize),
      ...origin,
    });
    from = to;
  }
}
