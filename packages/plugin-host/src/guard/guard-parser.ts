import type { ParsedRequest, ParseRefusal, Parser, ParserInput } from "@pointsman/plugin-api";
import { begin, failed, finished, type Guard } from "./guard.ts";

/** What the host asks of a guarded parser: undefined means "failed, ask the next one". */
export interface GuardedParser extends Omit<Parser, "parse"> {
  parse(input: ParserInput): ParsedRequest | ParseRefusal | undefined;
}

/** A parser that fails is skipped; its other members answer as if they were absent. */
export function guardParser(parser: Parser, guard: Guard): GuardedParser {
  const { rewriteModel, setField, usageReader, errorBody } = parser;
  /** A member that throws is answered by `fallback`. */
  const attempt = <Result>(call: () => Result, fallback: Result): Result => {
    if (!guard.breaker.allows()) return fallback;
    const started = begin(guard);
    try {
      const result = call();
      finished(guard, started);
      return result;
    } catch (error) {
      failed(guard, started, error);
      return fallback;
    }
  };
  return {
    claims: parser.claims,
    ...(parser.appProtocols === undefined ? {} : { appProtocols: parser.appProtocols }),
    ...(parser.modelOptional === undefined ? {} : { modelOptional: parser.modelOptional }),
    parse: (input) => attempt(() => checkParsed(parser.parse(input)), undefined),
    ...(rewriteModel === undefined
      ? {}
      : { rewriteModel: (body, parsed, model) => attempt(() => rewriteModel.call(parser, body, parsed, model), body) }),
    ...(setField === undefined
      ? {}
      : { setField: (body, name, value) => attempt(() => setField.call(parser, body, name, value), body) }),
    ...(usageReader === undefined
      ? {}
      : {
          usageReader: (parsed, contentType) => attempt(() => usageReader.call(parser, parsed, contentType), undefined),
        }),
    ...(errorBody === undefined ? {} : { errorBody: (error) => errorBody.call(parser, error) }),
  };
}

function checkParsed(result: ParsedRequest | ParseRefusal): ParsedRequest | ParseRefusal {
  if (typeof result !== "object" || result === null) throw new TypeError("parse() must return an object");
  if (!("refused" in result) && typeof result.api !== "string") throw new TypeError("parse() returned no `api`");
  return result;
}
