import { claimForPath, type PathClaim } from "../claims.ts";
import { parsedBody, promptSpan, requestFields } from "./body-builder.ts";
import type { BodyFault, ParsedBody } from "./parsed-body.ts";
import { readTokenIds } from "./prompt-input.ts";
import { FieldFault, readRequest } from "./request-fields.ts";
import { unclaimedPath } from "./unclaimed-path.ts";

/** SGLang's native route. vLLM's longer suffix wins on `/inference/v1/generate`. */
export const SGLANG_CLAIMS = [{ suffix: "generate", api: "sglang-generate" }] as const satisfies readonly PathClaim[];

const FIELDS = requestFields("input_ids", "extra_key", "sampling_params", "sampling_params.max_new_tokens");

/** Reads a body of `/generate`: one prompt of token ids; `extra_key` keeps cache entries apart. */
export function readSglangBody(body: Uint8Array, path: string): ParsedBody | BodyFault {
  const claim = claimForPath(path, SGLANG_CLAIMS);
  if (claim === undefined) return unclaimedPath(path);
  return readRequest(body, FIELDS, (fields) => {
    const span = fields.required("input_ids", "array");
    const tokens = readTokenIds(body, span, "input_ids");
    if (tokens.length === 0) throw new FieldFault("input_ids", "input_ids must not be empty");
    fields.span("sampling_params", "object");
    return parsedBody(claim.api, fields, {
      maxOutputTokens: fields.count("sampling_params.max_new_tokens"),
      promptTokens: [tokens],
      cacheSalt: fields.string("extra_key"),
      prompt: [promptSpan(span, "tokens")],
    });
  });
}
