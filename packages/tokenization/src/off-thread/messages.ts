import type { TokenizerSource } from "../files/tokenizer-source.ts";

/** What a prompt comes as: a text, or the body of a request, whose prompt the worker finds. */
export type PooledPrompt =
  | { readonly kind: "text"; readonly text: string; readonly addSpecialTokens: boolean }
  | { readonly kind: "body"; readonly api: string; readonly body: Uint8Array };

export interface WorkerData {
  readonly segmentCacheBytes: number;
  /** Number of the job that is to end early. */
  readonly cancelled: Int32Array;
}

export type ToWorker =
  | { readonly kind: "load"; readonly job: number; readonly tokenizer: string; readonly source: TokenizerSource }
  | { readonly kind: "encode"; readonly job: number; readonly tokenizer: string; readonly prompt: PooledPrompt };

export type FromWorker =
  | { readonly kind: "warning"; readonly tokenizer: string; readonly message: string }
  | { readonly kind: "loaded"; readonly job: number; readonly engine: "bpe" | "huggingface" }
  | ({ readonly kind: "encoded"; readonly job: number } & EncodedPrompt)
  | { readonly kind: "failed"; readonly job: number; readonly reason: FailureReason; readonly message: string };

/** `unsupported`: this prompt cannot be tokenized here (media, no template …). `failed`: a fault. */
export type FailureReason = "unsupported" | "cancelled" | "failed";

export interface EncodedPrompt {
  /** The caller's own. */
  readonly tokens: Uint32Array;
  /** Segments of this prompt that were, and were not, in the cache. */
  readonly cacheHits: number;
  readonly cacheMisses: number;
}
