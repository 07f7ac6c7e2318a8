import { type Component, flattenSequence, isRecord } from "../tokenizer-json.ts";
import { UnsupportedTokenizer } from "../unsupported-tokenizer.ts";
import { translatePattern } from "./oniguruma-pattern.ts";

export type Normalizer = (text: string) => string;

/**
 * @returns undefined when the text stays as it is
 * @throws {UnsupportedTokenizer}
 */
export function createNormalizer(component: Component | undefined): Normalizer | undefined {
  const steps = flattenSequence(component, "normalizers").map(createStep);
  if (steps.length === 0) return undefined;
  return steps.length === 1 ? steps[0] : (text) => steps.reduce((sum, step) => step(sum), text);
}

function createStep(component: Component): Normalizer {
  switch (component.type) {
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD": {
      const form = component.type;
      return (text) => text.normalize(form);
    }
    case "Prepend": {
      const prepend = stringMember(component, "prepend");
      return (text) => (text === "" ? text : prepend + text);
    }
    case "Replace": {
      const content = stringMember(component, "content");
      const pattern = parsePattern(component["pattern"]);
      // A function, because "$" has a meaning in a replacement text.
      return (text) => text.replaceAll(pattern, () => content);
    }
    case "Strip": {
      const left = component["strip_left"] === true;
      const right = component["strip_right"] === true;
      return (text) => stripEnd(stripStart(text, left), right);
    }
    default:
      throw new UnsupportedTokenizer(`normalizer ${component.type}`);
  }
}

const LEADING_SPACE = /^\p{White_Space}+/u;

function stripStart(text: string, active: boolean): string {
  return active ? text.replace(LEADING_SPACE, "") : text;
}

function stripEnd(text: string, active: boolean): string {
  if (!active) return text;
  // Backwards by hand: a pattern that ends in "$" is quadratic in runs of spaces.
  let end = text.length;
  while (end > 0 && isWhiteSpace(text[end - 1]!)) end -= 1;
  return text.slice(0, end);
}

const WHITE_SPACE = /^\p{White_Space}$/u;

/** True for one character with the Unicode property White_Space; all of these are single UTF-16 units. */
export function isWhiteSpace(character: string): boolean {
  return WHITE_SPACE.test(character);
}

/** `{ "String": … }` or `{ "Regex": … }` of a component. */
export function parsePattern(pattern: unknown): string | RegExp {
  if (isRecord(pattern)) {
    if (typeof pattern["String"] === "string" && pattern["String"] !== "") return pattern["String"];
    if (typeof pattern["Regex"] === "string") return translatePattern(pattern["Regex"]);
  }
  throw new UnsupportedTokenizer("a form of pattern");
}

export function stringMember(component: Component, member: string): string {
  const value = component[member];
  if (typeof value !== "string") throw new TypeError(`not a tokenizer.json: ${component.type} without ${member}`);
  return value;
}
