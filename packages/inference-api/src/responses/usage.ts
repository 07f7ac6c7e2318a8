/** What a response says about tokens. Counts are non-negative integers. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly totalTokens: number;
  /** Prompt tokens that came from the prefix cache. */
  readonly cachedTokens?: number;
  /** Of an event stream: how many `data:` lines it had, `[DONE]` aside; a rough count of generated tokens. */
  readonly events?: number;
}

/** The counts one usage object holds; what is missing or malformed is undefined. */
export interface UsageBlock {
  readonly prompt: number | undefined;
  readonly completion: number | undefined;
  readonly total: number | undefined;
  readonly cached: number | undefined;
}

/** Reads a usage object of any of the APIs, or SGLang's `meta_info`. Undefined when it has no count at all. */
export function usageBlockOf(value: unknown): UsageBlock | undefined {
  if (!isRecord(value)) return undefined;
  const block: UsageBlock = {
    prompt: countOf(value["prompt_tokens"]) ?? countOf(value["input_tokens"]),
    completion: countOf(value["completion_tokens"]) ?? countOf(value["output_tokens"]),
    total: countOf(value["total_tokens"]),
    cached:
      detailOf(value["prompt_tokens_details"]) ??
      detailOf(value["input_tokens_details"]) ??
      countOf(value["cache_read_input_tokens"]) ??
      countOf(value["cached_tokens"]),
  };
  const isEmpty = [block.prompt, block.completion, block.total].every((count) => count === undefined);
  return isEmpty && block.cached === undefined ? undefined : block;
}

/**
 * Adds a later block: what it states replaces what was known. A block with both halves owns its total; otherwise the
 * total is prompt + completion, as for Anthropic streams that send the halves in different events.
 */
export function mergedUsage(known: Usage | undefined, block: UsageBlock): Usage {
  const promptTokens = block.prompt ?? known?.promptTokens ?? 0;
  const completionTokens = block.completion ?? known?.completionTokens ?? 0;
  const ownsTotal = block.prompt !== undefined && block.completion !== undefined;
  const cachedTokens = block.cached ?? known?.cachedTokens;
  return {
    promptTokens,
    completionTokens,
    totalTokens: (ownsTotal ? block.total : undefined) ?? promptTokens + completionTokens,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function detailOf(details: unknown): number | undefined {
  return isRecord(details) ? countOf(details["cached_tokens"]) : undefined;
}

/** A count, also when it comes as a string of digits. */
function countOf(value: unknown): number | undefined {
  const count = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return typeof count === "number" && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}
