import type { ParsedRequest, ParserInput } from "@pointsman/plugin-api";
import type { GuardedParser } from "@pointsman/plugin-host";

/** What came of parsing a body. */
export type ParseResult =
  | { readonly kind: "parsed"; readonly parser: GuardedParser; readonly parsed: ParsedRequest }
  | { readonly kind: "refused"; readonly parser: GuardedParser | undefined; readonly message: string };

/** Chooses parsers by path: the longest claimed suffix wins, then the order of the configuration; fallbacks last. */
export class ParserTable {
  readonly #parsers: readonly GuardedParser[];

  constructor(parsers: readonly GuardedParser[]) {
    this.#parsers = parsers;
  }

  /** The parser whose error form fits a path; undefined when nobody claims it. */
  forPath(path: string): GuardedParser | undefined {
    return this.#matching(path)[0];
  }

  /** Asks the matching parsers in turn: one that fails is skipped, one that refuses has decided. */
  parse(input: ParserInput): ParseResult {
    const matching = this.#matching(input.path);
    for (const parser of matching) {
      const result = parser.parse(input);
      if (result === undefined) continue;
      return "refused" in result
        ? { kind: "refused", parser, message: result.refused }
        : { kind: "parsed", parser, parsed: result };
    }
    const message =
      matching.length === 0 ? `no parser claims the path ${input.path}` : "the request body could not be parsed";
    return { kind: "refused", parser: matching[0], message };
  }

  #matching(path: string): GuardedParser[] {
    const trimmed = path.replace(/^\/+/, "");
    const matches = this.#parsers.flatMap((parser, order) => {
      if (parser.claims.length === 0) return [{ parser, order, length: 0 }];
      const lengths = parser.claims.filter((claim) => claims(trimmed, claim)).map((claim) => claim.length);
      return lengths.length === 0 ? [] : [{ parser, order, length: Math.max(...lengths) }];
    });
    matches.sort((a, b) => b.length - a.length || a.order - b.order);
    return matches.map(({ parser }) => parser);
  }
}

/** Suffixes end at a path separator: `mycompletions` is not `completions`. */
function claims(path: string, claim: string): boolean {
  if (!path.endsWith(claim)) return false;
  return path.length === claim.length || path[path.length - claim.length - 1] === "/" || claim.includes(".");
}
