import { claimForPath, type PathClaim } from "../claims.ts";
import { parsedBody, promptSpan, requestFields } from "./body-builder.ts";
import type { BodyFault, ParsedBody } from "./parsed-body.ts";
import { readTokenIds } from "./prompt-input.ts";
import { FieldFault, readRequest } from "./request-fields.ts";
import { unclaimedPath } from "./unclaimed-path.ts";

/** vLLM's token-in, token-out route. */
export const VLLM_CLAIMS = [
  { suffix: "inference/v1/generate", api: "vllm-generate" },
] as const satisfies readonly PathClaim[];

const FIELDS = requestFields("token_ids", "features", "sampling_params", "sampling_params.max_tokens");

/** Reads a body of `/inference/v1/generate`. Multimodal `features` count as prompt behind the token ids. */
export function readVllmBody(body: Uint8Array, path: string): ParsedBody | BodyFault {
  const claim = claimForPath(path, VLLM_CLAIMS);
  if (claim === undefined) return unclaimedPath(path);
  return readRequest(body, FIELDS, (fields) => {
    const span = fields.span("token_ids", "array");
    const tokens = span === undefined ? undefined : readTokenIds(body, span, "token_ids");
    if (tokens === undefined || tokens.length === 0) {
      throw new FieldFault("token_ids", "must have non-empty token_ids field");
    }
    const features = fields.span("features", "object");
    fields.span("sampling_params", "object");
    return parsedBody(claim.api, fields, {
      maxOutputTokens: fields.count("sampling_params.max_tokens"),
      promptTokens: [tokens],
      prompt: [promptSpan(span, "tokens"), promptSpan(features, "json")],
    });
  });
}
