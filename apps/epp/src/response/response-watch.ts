import { createModelNameRewriter } from "@pointsman/inference-api";
import type { ParsedRequest, ResponseChunkHook, Usage, UsageReader } from "@pointsman/plugin-api";
import type { GuardedParser } from "@pointsman/plugin-host";
import type { PipelineRequest } from "../request/pipeline-request.ts";

export interface ResponseWatchOptions {
  readonly request: PipelineRequest;
  readonly parser: GuardedParser;
  readonly parsed: ParsedRequest;
  readonly contentType: string;
  readonly contentEncoding: string | undefined;
  readonly chunkHooks: readonly ResponseChunkHook[];
  /** The model name in the answer is put back to what the client asked for. */
  readonly restoreModel: boolean;
}

type ModelNameRewriter = ReturnType<typeof createModelNameRewriter>;

/** Follows the bytes of one answer: finds the usage, shows chunks to plugins that want them, restores the model name. */
export class ResponseWatch {
  readonly #options: ResponseWatchOptions;
  readonly #usage: UsageReader | undefined;
  readonly #rewriter: ModelNameRewriter | undefined;
  bytes = 0;

  constructor(options: ResponseWatchOptions) {
    const { parser, parsed, contentType, contentEncoding, restoreModel, request } = options;
    const plain = contentEncoding === undefined || contentEncoding === "identity";
    this.#options = options;
    this.#usage = plain ? parser.usageReader?.(parsed, contentType) : undefined;
    this.#rewriter = restoreModel
      ? createModelNameRewriter(request.targetModel, request.model, contentType, contentEncoding)
      : undefined;
  }

  /** @returns what the client gets: the same object when nothing changes. */
  push(chunk: Uint8Array, end: boolean): Uint8Array {
    this.bytes += chunk.length;
    this.#usage?.push(chunk);
    for (const hook of this.#options.chunkHooks) hook(this.#options.request, chunk, end);
    return this.#rewriter === undefined ? chunk : this.#rewriter.push(chunk, end);
  }

  usage(): Usage | undefined {
    return this.#usage?.end();
  }
}
