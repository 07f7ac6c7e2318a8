import { claimForPath, type PathClaim } from "../claims.ts";
import { kindAt } from "../json/values.ts";
import { parsedBody, promptSpan } from "./body-builder.ts";
import { messageRequestFields, readMessages } from "./message-list.ts";
import type { BodyFault, ParsedBody } from "./parsed-body.ts";
import { readRequest } from "./request-fields.ts";
import { unclaimedPath } from "./unclaimed-path.ts";

/** The path suffixes of Anthropic's Messages API. Answers of `count_tokens` hold no usage. */
export const ANTHROPIC_CLAIMS = [
  { suffix: "messages", api: "anthropic-messages" },
  { suffix: "messages/count_tokens", api: "anthropic-count-tokens" },
] as const satisfies readonly PathClaim[];

const FIELDS = messageRequestFields("system", "tools", "max_tokens");

/** Reads a request body of the Messages API. Its prompt is rendered as tools, system, messages. */
export function readAnthropicBody(body: Uint8Array, path: string): ParsedBody | BodyFault {
  const claim = claimForPath(path, ANTHROPIC_CLAIMS);
  if (claim === undefined) return unclaimedPath(path);
  return readRequest(body, FIELDS, (fields) => {
    const messages = readMessages(fields);
    const system = fields.span("system", "string", "array");
    const tools = fields.span("tools", "array");
    const systemHolds = system !== undefined && kindAt(body, system.start) === "string" ? "string" : "json";
    return parsedBody(claim.api, fields, {
      maxOutputTokens: fields.count("max_tokens"),
      prompt: [promptSpan(tools, "json"), promptSpan(system, systemHolds), messages],
    });
  });
}
