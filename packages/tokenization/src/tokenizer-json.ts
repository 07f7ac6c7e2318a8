import { UnsupportedTokenizer } from "./unsupported-tokenizer.ts";

/** A component of a tokenizer.json: its `type` says what the other members mean. */
export type Component = Readonly<Record<string, unknown>> & { readonly type: string };

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

export interface BpeDescription {
  readonly vocab: Readonly<Record<string, number>>;
  /** Pairs, as `"left right"` in older files. */
  readonly merges: readonly (string | readonly [string, string])[];
  readonly unknownToken: string | undefined;
  readonly fuseUnknown: boolean;
  readonly byteFallback: boolean;
  readonly ignoreMerges: boolean;
}

/** What our BPE needs to know of a tokenizer.json. */
export interface TokenizerDescription {
  readonly model: BpeDescription;
  readonly addedTokens: readonly AddedToken[];
  readonly normalizer: Component | undefined;
  readonly preTokenizer: Component | undefined;
  readonly postProcessor: Component | undefined;
}

/**
 * Reads the JSON value of a tokenizer.json.
 *
 * @throws {UnsupportedTokenizer} when the model is no BPE, or is one of a kind that our BPE does not cover
 * @throws {TypeError} when it is no tokenizer.json
 */
export function describeTokenizer(json: unknown): TokenizerDescription {
  if (!isRecord(json) || !isRecord(json["model"])) throw new TypeError("not a tokenizer.json: it has no model");
  return {
    model: describeBpe(json["model"]),
    addedTokens: describeAddedTokens(json["added_tokens"]),
    normalizer: component(json["normalizer"], "normalizer"),
    preTokenizer: component(json["pre_tokenizer"], "pre_tokenizer"),
    postProcessor: component(json["post_processor"], "post_processor"),
  };
}

function describeBpe(model: Readonly<Record<string, unknown>>): BpeDescription {
  const { vocab, merges, unk_token: unknownToken } = model;
  // Files older than the member `type` can only be told by their members.
  const type = model["type"] ?? (merges === undefined ? "unknown" : "BPE");
  if (type !== "BPE") throw new UnsupportedTokenizer(`model ${String(type)}`);
  if (!isRecord(vocab) || !Array.isArray(merges)) throw new TypeError("not a tokenizer.json: no vocab and merges");
  if (typeof model["dropout"] === "number" && model["dropout"] > 0) throw new UnsupportedTokenizer("dropout");
  if (model["continuing_subword_prefix"]) throw new UnsupportedTokenizer("continuing_subword_prefix");
  if (model["end_of_word_suffix"]) throw new UnsupportedTokenizer("end_of_word_suffix");
  return {
    vocab: vocab as Readonly<Record<string, number>>,
    merges: merges as BpeDescription["merges"],
    unknownToken: typeof unknownToken === "string" ? unknownToken : undefined,
    fuseUnknown: model["fuse_unk"] === true,
    byteFallback: model["byte_fallback"] === true,
    ignoreMerges: model["ignore_merges"] === true,
  };
}

function describeAddedTokens(tokens: unknown): AddedToken[] {
  if (tokens === undefined || tokens === null) return [];
  if (!Array.isArray(tokens)) throw new TypeError("not a tokenizer.json: added_tokens is no list");
  return tokens.map((token: unknown) => {
    if (!isRecord(token) || typeof token["id"] !== "number" || typeof token["content"] !== "string") {
      throw new TypeError("not a tokenizer.json: an added token has no id or content");
    }
    return {
      id: token["id"],
      content: token["content"],
      single_word: token["single_word"] === true,
      lstrip: token["lstrip"] === true,
      rstrip: token["rstrip"] === true,
      normalized: token["normalized"] === true,
      special: token["special"] === true,
    };
  });
}

function component(value: unknown, member: string): Component | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isRecord(value) || typeof value["type"] !== "string") {
    throw new TypeError(`not a tokenizer.json: ${member} has no type`);
  }
  return value as Component;
}

/** The components listed in a `Sequence`, flattened; other components as they are. */
export function flattenSequence(value: Component | undefined, member: string): Component[] {
  if (value === undefined) return [];
  if (value.type !== "Sequence") return [value];
  const parts = value[member];
  if (!Array.isArray(parts)) throw new TypeError(`not a tokenizer.json: a Sequence without ${member}`);
  return parts.flatMap((part) => flattenSequence(component(part, member), member));
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
