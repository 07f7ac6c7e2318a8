import type { BlockKeys, ExactPrefixIndex, KvEventTarget } from "@pointsman/kv-cache";
import type { Candidates, Endpoint } from "@pointsman/plugin-api";
import type { KnowledgeOwner } from "./knowledge-owner.ts";

/** Where it is known which endpoint has which block. Events go in by `target`, prompts are looked up. */
export interface KvIndex {
  /** What this process knows itself, and expects of what it has routed. */
  readonly local: ExactPrefixIndex;
  readonly target: KvEventTarget;
  /** Most time that a look-up may take in milliseconds; undefined when it takes none. */
  readonly timeoutMs: number | undefined;
  /** Who has the blocks of a prompt; undefined when nobody can tell in time. Keys are kept until the answer. */
  lookup(keys: BlockKeys): PrefixHoldings | Promise<PrefixHoldings | undefined>;
  /** Makes connections. Called once. @throws Error for files that cannot be read */
  open(owner: () => KnowledgeOwner | undefined): Promise<void>;
  /** Called once a second. */
  check(owner: KnowledgeOwner): void;
  close(): Promise<void>;
}

/** The answer of a look-up. */
export interface PrefixHoldings {
  /** Most leading blocks that any endpoint has. */
  readonly longest: number;
  /**
   * Leading blocks of each candidate, weighted by where they are, in whole blocks altogether as in llm-d. Before the
   * next look-up.
   */
  weigh(candidates: Candidates, matched: Float64Array): void;
  /** Leading blocks of an endpoint. At any time. @param keys those that were looked up */
  blocksOf(endpoint: Endpoint, keys: BlockKeys): number;
}

/** Sums of weights such as 0.8 are a little below the number that is meant. */
export function wholeBlocks(weighted: number): number {
  return Math.floor(weighted + 1e-6);
}
