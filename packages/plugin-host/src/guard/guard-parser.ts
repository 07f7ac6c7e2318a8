import type { ErrorReply, ParsedRequest, ParseRefusal, Parser, ParserInput, UsageReader } from "@pointsman/plugin-api";
import { assertNoPromise, begin, failed, finished, type Guard } from "./guard.ts";

/** What the host asks of a guarded parser: undefined means "failed": ask the next one, or do without. */
export interface GuardedParser extends Omit<Parser, "parse" | "errorBody"> {
  parse(input: ParserInput): ParsedRequest | ParseRefusal | undefined;
  errorBody?(error: ErrorReply): ReturnType<NonNullable<Parser["errorBody"]>> | undefined;
}

/** A parser that fails is skipped; its other members answer as if they were absent. */
export function guardParser(parser: Parser, guard: Guard): GuardedParser {
  const { rewriteModel, setField, usageReader, errorBody } = parser;
  /** A member that throws is answered by `fallback`. */
  const attempt = <Result>(call: () => Result, fallback: Result): Result => {
    if (!guard.breaker.allows()) return fallback;
    const started = begin(guard);
    try {
      const result = assertNoPromise(call());
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
    parse: (input) => attempt(() => checkParsed(assertNoPromise(parser.parse(input))), undefined),
    ...(rewriteModel === undefined
      ? {}
      : {
          rewriteModel: (body, parsed, model) =>
            attempt(() => checkBody(rewriteModel.call(parser, body, parsed, model)), body),
        }),
    ...(setField === undefined
      ? {}
      : { setField: (body, name, value) => attempt(() => checkBody(setField.call(parser, body, name, value)), body) }),
    ...(usageReader === undefined
      ? {}
      : {
          usageReader: (parsed, contentType) => {
            const reader = attempt(() => usageReader.call(parser, parsed, contentType), undefined);
            return reader === undefined ? undefined : guardUsageReader(reader, guard);
          },
        }),
    ...(errorBody === undefined
      ? {}
      : { errorBody: (error) => attempt(() => errorBody.call(parser, error), undefined) }),
  };
}

/** A reader that throws has seen no usage, and is not asked again. */
function guardUsageReader(reader: UsageReader, guard: Guard): UsageReader {
  let broken = false;
  const attempt = <Result>(call: () => Result): Result | undefined => {
    if (broken) return undefined;
    try {
      return call();
    } catch (error) {
      broken = true;
      guard.meter.fail(error);
      guard.breaker.fail();
      return undefined;
    }
  };
  return {
    push: (chunk) => void attempt(() => reader.push(chunk)),
    end: () => attempt(() => reader.end()),
  };
}

function checkBody(body: Uint8Array): Uint8Array {
  if (!(assertNoPromise<unknown>(body) instanceof Uint8Array))
    throw new TypeError("the changed body must be a Uint8Array");
  return body;
}

function checkParsed(result: ParsedRequest | ParseRefusal): ParsedRequest | ParseRefusal {
  if (typeof result !== "object" || result === null) throw new TypeError("parse() must return an object");
  if (!("refused" in result) && typeof result.api !== "string") throw new TypeError("parse() returned no `api`");
  return result;
}
