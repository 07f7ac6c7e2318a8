import { defineFields, type FieldSet, type Span } from "../json/fields.ts";
import { readString } from "../json/values.ts";
import type { Api, ParsedBody, PromptSpan } from "./parsed-body.ts";
import type { RequestFields } from "./request-fields.ts";

/** The members that mean the same in every JSON API. */
export const COMMON_FIELDS = [
  "model",
  "stream",
  "stream_options",
  "stream_options.include_usage",
  "cache_salt",
] as const;
export type CommonField = (typeof COMMON_FIELDS)[number];

/** A field set of the common members and those of one API. */
export function requestFields<const Name extends string>(...own: readonly Name[]): FieldSet<Name | CommonField> {
  return defineFields<Name | CommonField>(...COMMON_FIELDS, ...own);
}

/** What differs from API to API. Prompt spans that are undefined are left out. */
export interface OwnParts {
  readonly maxOutputTokens?: number | undefined;
  readonly promptTokens?: readonly Uint32Array[] | undefined;
  readonly cacheSalt?: string | undefined;
  readonly prompt: readonly (PromptSpan | undefined)[];
}

/** The parsed body of a JSON request: the common members, checked, with the API's own parts. */
export function parsedBody(api: Api, fields: RequestFields<CommonField>, own: OwnParts): ParsedBody {
  const modelSpan = fields.span("model", "string");
  const stream = fields.boolean("stream") ?? false;
  fields.span("stream_options", "object");
  const includeUsage = fields.boolean("stream_options.include_usage") ?? false;
  const cacheSalt = own.cacheSalt ?? fields.string("cache_salt");
  const promptSpans = own.prompt.filter((span) => span !== undefined);
  return {
    api,
    ...(modelSpan === undefined ? {} : { model: readString(fields.body, modelSpan)!, modelSpan }),
    stream,
    includeUsage,
    ...(own.maxOutputTokens === undefined ? {} : { maxOutputTokens: own.maxOutputTokens }),
    promptSpans,
    ...(own.promptTokens === undefined ? {} : { promptTokens: own.promptTokens }),
    ...(cacheSalt === undefined ? {} : { cacheSalt }),
    promptBytes: promptSpans.reduce((sum, span) => sum + span.end - span.start, 0),
  };
}

export function promptSpan(span: Span | undefined, holds: PromptSpan["holds"]): PromptSpan | undefined {
  return span === undefined ? undefined : { start: span.start, end: span.end, holds };
}
