/** Prompt lengths in tokens that an endpoint is meant for, both ends included. */
export interface ContextRange {
  readonly min: number;
  readonly max: number;
}

const RANGE = /^\s*(\d{1,15})\s*-\s*(\d{1,15})\s*$/;

/** Reads `min-max`, as in `0-8192`; undefined when the text is no range. */
export function parseContextRange(text: string): ContextRange | undefined {
  const found = RANGE.exec(text);
  if (found === null) return undefined;
  const range = { min: Number(found[1]), max: Number(found[2]) };
  return range.min <= range.max ? range : undefined;
}

/**
 * llm-d's rating of a range for a prompt, in (0, 1]. Within the range 0.3 and more: narrow ranges first, so that servers
 * for long prompts stay free for these, then room above the prompt. Outside less than 0.3, falling with the distance.
 */
export function rateContextRange({ min, max }: ContextRange, tokens: number): number {
  if (tokens < min) return 0.3 / (1 + (min - tokens) / 1_000);
  if (tokens > max) return 0.3 / (1 + (tokens - max) / 1_000);
  const width = max - min;
  if (width === 0) return 1;
  const narrowness = 1 / (1 + width / 10_000);
  const headroom = (max - tokens) / width;
  return 0.3 + 0.7 * (0.7 * narrowness + 0.3 * headroom);
}

/** Label values come from the operator, but pods come and go: what is kept of them has a limit. */
const MAX_KEPT = 4_096;

/** Parses each label value once. */
export class ContextRanges {
  readonly #byText = new Map<string, ContextRange | undefined>();

  get(text: string): ContextRange | undefined {
    const known = this.#byText.get(text);
    if (known !== undefined || this.#byText.has(text)) return known;
    if (this.#byText.size >= MAX_KEPT) this.#byText.clear();
    const range = parseContextRange(text);
    this.#byText.set(text, range);
    return range;
  }
}
