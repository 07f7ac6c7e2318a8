import { type Component, flattenSequence } from "../tokenizer-json.ts";
import { UnsupportedTokenizer } from "../unsupported-tokenizer.ts";
import { parsePattern, stringMember } from "./normalizer.ts";
import { translatePattern } from "./oniguruma-pattern.ts";
import { type Behavior, parseBehavior, splitAt } from "./split-at.ts";

/** GPT-2's pattern, which the component `ByteLevel` brings along. */
const BYTE_LEVEL_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** Cuts text into pieces that merges do not cross. */
export interface PreTokenizer {
  /** The model's vocabulary is in the byte alphabet. */
  readonly byteLevel: boolean;
  /** The pieces depend on whether the text stands at the beginning of the prompt. */
  readonly dependsOnStart: boolean;
  /** @param atStart nothing of the prompt stands before the text */
  split(text: string, atStart: boolean): readonly string[];
}

/** Takes pieces apart further. */
type Step = (text: string, atStart: boolean) => readonly string[];

/** @throws {UnsupportedTokenizer} */
export function createPreTokenizer(component: Component | undefined): PreTokenizer {
  const components = flattenSequence(component, "pretokenizers");
  const byteLevel = components.at(-1)?.type === "ByteLevel";
  if (components.slice(0, -1).some(({ type }) => type === "ByteLevel")) {
    throw new UnsupportedTokenizer("a pre-tokenizer behind ByteLevel");
  }
  const steps = components.flatMap(createSteps);
  return {
    byteLevel,
    dependsOnStart: components.some((part) => part.type === "Metaspace" && prependScheme(part) === "first"),
    split(text, atStart) {
      if (steps.length === 0) return [text];
      let pieces = steps[0]!(text, atStart);
      for (let i = 1; i < steps.length; i += 1) {
        const step = steps[i]!;
        const finer: string[] = [];
        for (let k = 0; k < pieces.length; k += 1) {
          const parts = step(pieces[k]!, atStart && k === 0);
          for (let j = 0; j < parts.length; j += 1) finer.push(parts[j]!);
        }
        pieces = finer;
      }
      return pieces;
    },
  };
}

function createSteps(component: Component): Step[] {
  switch (component.type) {
    case "Split": {
      const behavior = parseBehavior(component["behavior"]);
      return [splitStep(parsePattern(component["pattern"]), behavior, component["invert"] === true)];
    }
    case "Digits":
      return [splitStep(translatePattern(component["individual_digits"] === true ? "\\p{N}" : "\\p{N}+"), "Isolated")];
    case "WhitespaceSplit":
      return [splitStep(translatePattern("\\s"), "Removed")];
    case "Whitespace":
      return [
        splitStep(translatePattern("[\\p{L}\\p{M}\\p{N}\\p{Pc}]+|[^\\p{L}\\p{M}\\p{N}\\p{Pc}\\s]+"), "Removed", true),
      ];
    case "Metaspace":
      return metaspaceSteps(component);
    case "ByteLevel": {
      const steps: Step[] = [];
      // Only a plain space counts here, as in the reference implementation.
      if (component["add_prefix_space"] === true) steps.push((text) => [text.startsWith(" ") ? text : ` ${text}`]);
      if (component["use_regex"] !== false) steps.push(splitStep(translatePattern(BYTE_LEVEL_PATTERN), "Isolated"));
      return steps;
    }
    default:
      throw new UnsupportedTokenizer(`pre-tokenizer ${component.type}`);
  }
}

function splitStep(pattern: string | RegExp, behavior: Behavior, invert = false): Step {
  return (text) => splitAt(text, pattern, behavior, invert);
}

function prependScheme(component: Component): unknown {
  // Older files say `add_prefix_space` instead.
  return component["prepend_scheme"] ?? (component["add_prefix_space"] === false ? "never" : "always");
}

function metaspaceSteps(component: Component): Step[] {
  const mark = stringMember(component, "replacement");
  const scheme = prependScheme(component);
  if (scheme !== "always" && scheme !== "never" && scheme !== "first") {
    throw new UnsupportedTokenizer(`prepend_scheme ${String(scheme)}`);
  }
  const markSpaces = (text: string, atStart: boolean): string[] => {
    const marked = text.replaceAll(" ", mark);
    const prepends = scheme === "always" || (scheme === "first" && atStart);
    return [prepends && !marked.startsWith(mark) ? mark + marked : marked];
  };
  return component["split"] === false ? [markSpaces] : [markSpaces, splitStep(mark, "MergedWithNext")];
}
