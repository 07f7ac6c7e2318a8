import type { Parser, Usage, UsageReader } from "@pointsman/plugin-api";
import type { PathClaim } from "../claims.ts";
import { errorBody } from "../error-body.ts";
import { isJsonFault } from "../json/fault.ts";
import { type JsonValue, setTopLevelField, spliceModel } from "../json/splice.ts";
import { type Api, type BodyFault, isBodyFault, type ParsedBody } from "../requests/parsed-body.ts";
import { contentFormat } from "../responses/content-format.ts";
import { createUsageReader, type UsageReader as UsageSource } from "../responses/usage-reader.ts";
import { LocatedRequest } from "./located-request.ts";

/** A family of request bodies, and how they are read. */
export interface BodyFamily {
  readonly claims: readonly [PathClaim, ...PathClaim[]];
  readonly read: (body: Uint8Array, path: string) => ParsedBody | BodyFault;
  /** The API whose answers nobody wants to look at. */
  readonly skipResponseOf?: Api;
}

/**
 * The parser of one family of HTTP APIs. It has no state, and no body makes it throw.
 *
 * A body that is no JSON object (a multipart form) cannot be changed: `rewriteModel` and `setField` then return the
 * same `Uint8Array`. So does `setField` for a value that JSON cannot write.
 */
export function createBodyParser({ claims, read, skipResponseOf }: BodyFamily): Parser {
  const family = claims[0].api;
  return {
    claims: claims.map(({ suffix }) => suffix),
    appProtocols: ["http", "h2c"],

    parse({ body, path }) {
      const located = read(body, path);
      if (isBodyFault(located)) return { refused: located.message };
      return new LocatedRequest(body, located, located.api === skipResponseOf);
    },

    /** Adds the member when the body names no model: a rewrite may be what gives the request its model. */
    rewriteModel(body, parsed, model) {
      const span = parsed instanceof LocatedRequest ? parsed.modelSpanIn(body) : undefined;
      return span === undefined ? withMember(body, "model", model) : spliceModel(body, span, model);
    },

    setField(body, name, value) {
      return isWritable(value) ? withMember(body, name, value) : body;
    },

    /** An empty content type is taken for JSON. */
    usageReader(parsed, contentType) {
      if (!(parsed instanceof LocatedRequest) || parsed.skipResponse) return undefined;
      const type = contentType === "" ? "application/json" : contentType;
      return contentFormat(type) === "opaque" ? undefined : new AnswerUsage(createUsageReader(parsed.api, type));
    },

    errorBody: (error) => errorBody(family, error),
  };
}

function withMember(body: Uint8Array, name: string, value: JsonValue): Uint8Array {
  const changed = setTopLevelField(body, name, value);
  return isJsonFault(changed) ? body : changed;
}

/** False for `undefined`, functions, big integers and cycles. */
function isWritable(value: unknown): value is JsonValue {
  try {
    return JSON.stringify(value) !== undefined;
  } catch {
    return false;
  }
}

/** Usage in the form of the plugin contract. */
class AnswerUsage implements UsageReader {
  readonly #source: UsageSource;

  constructor(source: UsageSource) {
    this.#source = source;
  }

  push(chunk: Uint8Array): void {
    this.#source.push(chunk);
  }

  end(): Usage | undefined {
    const usage = this.#source.end();
    if (usage === undefined) return undefined;
    const { promptTokens, completionTokens, totalTokens, cachedTokens } = usage;
    return { promptTokens, completionTokens, totalTokens, cachedTokens };
  }
}
