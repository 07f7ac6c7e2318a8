import { type Component, isRecord } from "../tokenizer-json.ts";
import { UnsupportedTokenizer } from "../unsupported-tokenizer.ts";

/** Token ids that a post-processor puts around a single text, `<s>` for example. */
export interface SurroundingTokens {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const NONE: SurroundingTokens = { before: [], after: [] };

/** @throws {UnsupportedTokenizer} */
export function parseSurroundingTokens(component: Component | undefined): SurroundingTokens {
  switch (component?.type) {
    case undefined:
    case "ByteLevel":
      // Trims offsets only.
      return NONE;
    case "TemplateProcessing":
      return parseTemplate(component);
    case "Sequence": {
      const processors = component["processors"];
      if (!Array.isArray(processors)) throw new TypeError("not a tokenizer.json: a Sequence without processors");
      return (processors as Component[]).map(parseSurroundingTokens).reduce(
        (inner, outer) => ({
          before: [...outer.before, ...inner.before],
          after: [...inner.after, ...outer.after],
        }),
        NONE,
      );
    }
    case "BertProcessing":
    case "RobertaProcessing":
      return { before: [tokenId(component["cls"])], after: [tokenId(component["sep"])] };
    default:
      throw new UnsupportedTokenizer(`post-processor ${component?.type}`);
  }
}

function parseTemplate(component: Component): SurroundingTokens {
  const { single, special_tokens: specialTokens } = component;
  if (!Array.isArray(single) || !isRecord(specialTokens)) {
    throw new TypeError("not a tokenizer.json: TemplateProcessing without single or special_tokens");
  }
  const before: number[] = [];
  const after: number[] = [];
  let texts = 0;
  for (const part of single as unknown[]) {
    if (isRecord(part) && isRecord(part["Sequence"])) {
      texts += 1;
    } else if (isRecord(part) && isRecord(part["SpecialToken"])) {
      const token = specialTokens[String(part["SpecialToken"]["id"])];
      if (!isRecord(token) || !Array.isArray(token["ids"]))
        throw new UnsupportedTokenizer("a special token without ids");
      (texts === 0 ? before : after).push(...(token["ids"] as number[]));
    }
  }
  if (texts !== 1) throw new UnsupportedTokenizer("a template that holds the text not once");
  return { before, after };
}

function tokenId(pair: unknown): number {
  if (Array.isArray(pair) && typeof pair[1] === "number") return pair[1];
  throw new TypeError("not a tokenizer.json: a post-processor without token ids");
}
