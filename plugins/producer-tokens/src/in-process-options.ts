import { parseDurationMs } from "@pointsman/scrape-client";
import type { TokenizerSource } from "@pointsman/tokenization";
import type { TokenOptions } from "./options.ts";

/** The in-process tokenizers that the options mean, whichever form they have. */
export interface InProcessOptions {
  /** For every model that is not in {@link byModel}; undefined = these have no tokenizer. */
  readonly standard: TokenizerSource | undefined;
  readonly byModel: ReadonlyMap<string, TokenizerSource>;
  readonly timeoutMs: number;
  readonly pool: {
    readonly workers: number;
    readonly maxQueued?: number;
    readonly maxInputLength?: number;
    readonly segmentCacheBytes?: number;
  };
}

/** @returns undefined when no tokenizer in process is asked for */
export function inProcessOptions(options: TokenOptions): InProcessOptions | undefined {
  const { tokenizer, tokenizersPoolConfig: legacy } = options;
  if (tokenizer !== undefined) {
    const { localDir, download, revision, cacheDir } = tokenizer;
    const found = { download, revision, ...given({ localDir, cacheDir }) };
    return {
      standard: tokenizer.path === undefined ? sourceOf(options.modelName, found) : { path: tokenizer.path },
      byModel: sourcesByModel(tokenizer.modelTokenizerMap, found),
      timeoutMs: parseDurationMs(tokenizer.timeout)!,
      pool: {
        workers: tokenizer.workers,
        maxQueued: tokenizer.maxQueued,
        maxInputLength: tokenizer.maxInputBytes,
        segmentCacheBytes: tokenizer.cacheBytes,
      },
    };
  }
  if (legacy === undefined) return undefined;
  const { hf, local } = legacy;
  const found = {
    localDir: local.autoDiscoveryDir,
    download: hf.enabled,
    ...given({ cacheDir: hf.tokenizersCacheDir, token: hf.huggingFaceToken || undefined }),
  };
  return {
    standard: sourceOf(options.modelName ?? legacy.modelName, found),
    byModel: sourcesByModel(local.modelTokenizerMap, found),
    timeoutMs: 1_000,
    pool: { workers: legacy.workersCount },
  };
}

type Found = Omit<Extract<TokenizerSource, { model: string }>, "model">;

/** A path begins with `/` or `.`, everything else is a model's name. */
function sourceOf(name: string | undefined, found: Found): TokenizerSource | undefined {
  if (name === undefined) return undefined;
  return /^[/.]/.test(name) ? { path: name } : { ...found, model: name };
}

function sourcesByModel(map: Readonly<Record<string, string>>, found: Found): ReadonlyMap<string, TokenizerSource> {
  return new Map(Object.entries(map).map(([model, name]) => [model, sourceOf(name, found)!]));
}

/** Without the members that are undefined. */
function given<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}
