import { UnsupportedTokenizer } from "../unsupported-tokenizer.ts";

/** Characters that JavaScript's `u` mode lets a backslash stand before. */
const ESCAPABLE = new Set("^$\\.*+?()[]{}|/");
/** What Oniguruma's classes mean in Unicode text; JavaScript's `\s`, `\d` and `\w` differ. */
const CLASSES: Readonly<Record<string, string>> = {
  s: "\\p{White_Space}",
  S: "\\P{White_Space}",
  d: "\\p{Nd}",
  D: "\\P{Nd}",
};
const CONTROLS = new Set("rntfv");
const QUANTIFIER = /^(?:[*+?]|\{\d+(?:,\d*)?\})/;
/** Non-ASCII letters that fold to an ASCII letter. */
const FOLDS: Readonly<Record<string, string>> = { s: "ſ", k: "\u212a" };

/**
 * Translates a pattern of the Oniguruma engine, as tokenizer.json files contain them, into JavaScript (`gu`).
 *
 * Covered are the constructs that occur in published files: properties, classes, look-around, possessive quantifiers
 * and case-insensitive groups of ASCII letters.
 *
 * @throws {UnsupportedTokenizer} for anything else, and for patterns that match the empty text
 */
export function translatePattern(pattern: string): RegExp {
  const source = new Translation(pattern).run();
  let regex: RegExp;
  try {
    regex = new RegExp(source, "gu");
  } catch (error) {
    throw new UnsupportedTokenizer(`pattern (${error instanceof Error ? error.message : String(error)})`);
  }
  if (new RegExp(source, "u").test("")) throw new UnsupportedTokenizer("a pattern that matches the empty text");
  return regex;
}

class Translation {
  readonly #pattern: string;
  #at = 0;
  #captures = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  run(): string {
    const source = this.#alternatives(false);
    if (this.#at < this.#pattern.length) throw this.#unsupported("an unbalanced )");
    return source;
  }

  /** Reads up to the end or the `)` that closes this group. */
  #alternatives(ignoreCase: boolean): string {
    let source = "";
    while (this.#at < this.#pattern.length && this.#pattern[this.#at] !== ")") {
      if (this.#take("|")) {
        source += "|";
        continue;
      }
      // A possessive quantifier becomes a look-ahead and a reference to what it captured; count its capture first.
      const capturesBefore = this.#captures;
      const atom = this.#atom(ignoreCase);
      const quantifier = QUANTIFIER.exec(this.#pattern.slice(this.#at))?.[0] ?? "";
      this.#at += quantifier.length;
      if (quantifier !== "" && this.#take("+")) {
        if (quantifier.startsWith("{")) throw this.#unsupported("a + behind an interval");
        if (this.#captures > capturesBefore) throw this.#unsupported("possessive quantifiers in one another");
        this.#captures += 1;
        source += `(?=(${atom}${quantifier}))\\${this.#captures}(?:)`;
        continue;
      }
      source += atom + quantifier;
      if (quantifier !== "" && this.#take("?")) source += "?";
    }
    return source;
  }

  #atom(ignoreCase: boolean): string {
    const character = String.fromCodePoint(this.#pattern.codePointAt(this.#at)!);
    this.#at += character.length;
    switch (character) {
      case "(":
        return this.#group(ignoreCase);
      case "[":
        if (ignoreCase) throw this.#unsupported("a class that ignores case");
        return this.#class();
      case "\\":
        return this.#escape(ignoreCase);
      case ".":
        return "[^\\n]";
      case "^":
      case "$":
        throw this.#unsupported(`the anchor ${character}`);
      case "/":
      case "}":
      case "]":
        return `\\${character}`;
      default:
        return ignoreCase ? this.#anyCase(character) : character;
    }
  }

  #group(ignoreCase: boolean): string {
    const opening = /^\?(?:i:|:|!|=|<!|<=)/.exec(this.#pattern.slice(this.#at))?.[0];
    if (opening === undefined && this.#pattern[this.#at] === "?") throw this.#unsupported("a kind of group");
    this.#at += opening?.length ?? 0;
    const inner = this.#alternatives(ignoreCase || opening === "?i:");
    if (!this.#take(")")) throw this.#unsupported("an unbalanced (");
    return `(${opening === undefined || opening === "?i:" ? "?:" : opening}${inner})`;
  }

  #class(): string {
    let source = this.#take("^") ? "[^" : "[";
    for (;;) {
      if (this.#at >= this.#pattern.length) throw this.#unsupported("an unbalanced [");
      const character = String.fromCodePoint(this.#pattern.codePointAt(this.#at)!);
      this.#at += character.length;
      if (character === "]") return `${source}]`;
      if (character === "[" || (character === "&" && this.#pattern[this.#at] === "&")) {
        throw this.#unsupported("a class inside a class");
      }
      source += character === "\\" ? this.#escapeInClass() : character;
    }
  }

  #escape(ignoreCase: boolean): string {
    const character = this.#pattern[this.#at];
    if (character === "-") {
      this.#at += 1;
      return "-";
    }
    if (ignoreCase && character !== undefined && /[a-zA-Z0-9]/.test(character)) {
      throw this.#unsupported("an escape that ignores case");
    }
    return this.#commonEscape();
  }

  #escapeInClass(): string {
    return this.#take("-") ? "\\-" : this.#commonEscape();
  }

  #commonEscape(): string {
    const character = this.#pattern[this.#at];
    this.#at += 1;
    if (character === undefined) throw this.#unsupported("a trailing backslash");
    if (CLASSES[character] !== undefined) return CLASSES[character];
    if (CONTROLS.has(character)) return `\\${character}`;
    if (character === "p" || character === "P") return this.#property(character);
    if (character === "u" || character === "x") return this.#codePoint(character);
    if (/[a-zA-Z0-9]/.test(character)) throw this.#unsupported(`the escape \\${character}`);
    return ESCAPABLE.has(character) ? `\\${character}` : character;
  }

  #property(letter: "p" | "P"): string {
    const name = /^\{([A-Za-z_]+)\}/.exec(this.#pattern.slice(this.#at))?.[1];
    if (name === undefined) throw this.#unsupported("a form of \\p");
    this.#at += name.length + 2;
    return `\\${letter}{${name.length <= 2 ? name : `Script=${name}`}}`;
  }

  #codePoint(letter: "u" | "x"): string {
    const form = letter === "u" ? /^[0-9A-Fa-f]{4}/ : /^(?:[0-9A-Fa-f]{2}|\{[0-9A-Fa-f]{1,6}\})/;
    const digits = form.exec(this.#pattern.slice(this.#at))?.[0];
    if (digits === undefined) throw this.#unsupported(`a form of \\${letter}`);
    this.#at += digits.length;
    return digits.startsWith("{") ? `\\u${digits}` : `\\u{${digits}}`;
  }

  #anyCase(character: string): string {
    if (character > "\u007f") throw this.#unsupported("a letter outside ASCII that ignores case");
    const lower = character.toLowerCase();
    const upper = character.toUpperCase();
    return lower === upper ? character : `[${lower}${upper}${FOLDS[lower] ?? ""}]`;
  }

  #take(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #unsupported(what: string): UnsupportedTokenizer {
    return new UnsupportedTokenizer(`${what} in the pattern of a pre-tokenizer`);
  }
}
