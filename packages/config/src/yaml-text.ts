import { createSource, type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import { type Document, isScalar, Lexer, Parser, parseDocument, visit } from "yaml";
import { type ConfigSource, largestConfig } from "./source.ts";

/** Deeper nesting is refused before parsing: the parser's recursion would end in a stack overflow. */
export const deepestNesting = 100;
/** More aliases in one file are refused. */
export const mostAliases = 200;
/** How often one anchor may be used, counting the aliases inside it. */
const mostExpansions = 1_000;
/** One mistake often causes many messages; the later ones are about its consequences. */
const mostSyntaxErrors = 5;

/** What came out of a text. `value` is undefined when the text could not be read at all. */
export interface YamlText {
  readonly document: Document | undefined;
  readonly value: unknown;
  readonly diagnostics: readonly Diagnostic[];
}

/** Parses YAML 1.2, and so JSON. Never throws; whatever is wrong with the text is in `diagnostics`. */
export function parseYamlText(source: ConfigSource): YamlText {
  const text = createSource(source.name, source.text);
  const failed = (...diagnostics: Diagnostic[]): YamlText => ({ document: undefined, value: undefined, diagnostics });
  const at = (start: number, end = start + 1) => ({ place: text.place(start, end) });

  if (Buffer.byteLength(source.text) > largestConfig) {
    return failed(diagnostic("POINTSMAN_CONFIG_TOO_LARGE", `${source.name} is larger than 1 MiB.`));
  }
  const deep = tooDeepAt(source.text);
  if (deep !== undefined) {
    const message = `The configuration is nested more than ${deepestNesting} levels deep.`;
    return failed(diagnostic("POINTSMAN_CONFIG_TOO_LARGE", message, at(deep)));
  }
  let document: Document;
  try {
    document = parseDocument(source.text, {
      schema: "core",
      merge: true,
      stringKeys: true,
      // Looked for below: the parser's own search is quadratic, and its message does not name the key.
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "error",
    });
  } catch (cause) {
    return failed(diagnostic("POINTSMAN_CONFIG_SYNTAX", "The configuration cannot be parsed.", { cause, ...at(0) }));
  }
  const syntax = [...document.errors, ...document.warnings].slice(0, mostSyntaxErrors).map((error) => {
    const several = error.code === "MULTIPLE_DOCS";
    const message = several ? "The text holds several documents." : `${error.message}.`.replace(/\.\.$/, ".");
    return diagnostic("POINTSMAN_CONFIG_SYNTAX", message, {
      ...at(error.pos[0], error.pos[1]),
      ...(several ? { hint: "A configuration is one document: remove the `---` and what follows it." } : {}),
    });
  });
  if (syntax.length > 0) return failed(...syntax);

  const aliases = aliasProblems(document, at);
  if (aliases.length > 0) return failed(...aliases);
  try {
    const value: unknown = document.toJS({ maxAliasCount: mostExpansions });
    return { document, value, diagnostics: duplicateKeys(document, at) };
  } catch (cause) {
    return failed(
      diagnostic("POINTSMAN_CONFIG_TOO_LARGE", "The YAML aliases cannot be expanded.", { cause, ...at(0) }),
    );
  }
}

type At = (start: number, end?: number) => Pick<Diagnostic, "place">;

/** The offset at which the nesting becomes too deep. Neither the lexer nor the stack of the parser recurses. */
function tooDeepAt(text: string): number | undefined {
  const parser = new Parser();
  let offset = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const _token of parser.next(lexeme)) if (parser.stack.length > deepestNesting) return offset;
    if (parser.stack.length > deepestNesting) return offset;
    offset += lexeme.length;
  }
  return undefined;
}

function aliasProblems(document: Document, at: At): Diagnostic[] {
  const problems: Diagnostic[] = [];
  const anchors = new Set<string>();
  let count = 0;
  visit(document, {
    Value(_key, node) {
      if (node.anchor !== undefined) anchors.add(node.anchor);
    },
    Alias(_key, node) {
      const [start, end] = node.range ?? [0, 1];
      if (++count > mostAliases) {
        problems.length = 0;
        const message = `The configuration uses more than ${mostAliases} YAML aliases.`;
        problems.push(diagnostic("POINTSMAN_CONFIG_TOO_LARGE", message, at(start, end)));
        return visit.BREAK;
      }
      if (!anchors.has(node.source)) {
        const message = `The alias *${node.source} has no anchor &${node.source} before it.`;
        problems.push(diagnostic("POINTSMAN_CONFIG_SYNTAX", message, at(start, end)));
      }
      return undefined;
    },
  });
  return problems;
}

function duplicateKeys(document: Document, at: At): Diagnostic[] {
  const problems: Diagnostic[] = [];
  visit(document, {
    Map(_key, map) {
      const seen = new Map<string, number>();
      for (const pair of map.items) {
        if (!isScalar(pair.key)) continue;
        const name = String(pair.key.value);
        const [start, end] = pair.key.range ?? [0, 1];
        const first = seen.get(name);
        if (first === undefined) seen.set(name, start);
        else if (name !== "<<" && problems.length < mostSyntaxErrors) {
          problems.push(
            diagnostic("POINTSMAN_CONFIG_DUPLICATE_KEY", `The key ${JSON.stringify(name)} is written twice.`, {
              ...at(start, end),
              notes: [{ label: "first", text: `line ${at(first).place?.line}` }],
            }),
          );
        }
      }
    },
  });
  return problems;
}
