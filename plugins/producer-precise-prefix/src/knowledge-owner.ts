import type { FeedProblem } from "@pointsman/kv-cache";
import type { LookupFailure, RedisState, WriterStatistics } from "@pointsman/kv-cache/redis";

/** Whoever uses the knowledge at the moment, and hears of problems. */
export interface KnowledgeOwner {
  problem(problem: FeedProblem): void;
  otherBlockSize(endpointId: string, blockSize: number): void;
  unnamedModel(endpointId: string): void;
  /** The rest is of an index in Redis alone. */
  warn(message: string, fields: Readonly<Record<string, unknown>>): void;
  lookupFailed(why: LookupFailure): void;
  circuit(state: RedisState): void;
  written(statistics: WriterStatistics): void;
}
