import { type Answer, encodeProcessingResponse } from "../codec/processing-response.ts";
import type { Outbox } from "./outbox.ts";

/** Envoy advises at most 64 KiB per message; this leaves room for the framing. */
export const MAX_STREAMED_CHUNK = 62_000;

/** What an answer may carry besides a piece of the body. */
export type AnswerParts = Omit<Answer, "kind" | "bodyMutation">;

/**
 * Sends a body in full duplex, in pieces of at most 62 000 bytes, each encoded only when the transport has room.
 * An empty body is one empty piece.
 *
 * @param first what the first piece's answer carries besides
 * @param last what the last piece's answer carries besides
 */
export function pushStreamedBody(
  outbox: Outbox,
  kind: "request_body" | "response_body",
  body: Uint8Array,
  endOfStream: boolean,
  { first, last }: { first?: AnswerParts; last?: AnswerParts } = {},
): void {
  if (body.length > MAX_STREAMED_CHUNK) {
    outbox.push(pieces(kind, body, endOfStream, first, last));
    return;
  }
  outbox.push(
    encodeProcessingResponse({ kind, ...first, ...last, bodyMutation: { kind: "streamed", body, endOfStream } }),
  );
}

function* pieces(
  kind: "request_body" | "response_body",
  body: Uint8Array,
  endOfStream: boolean,
  first: AnswerParts | undefined,
  last: AnswerParts | undefined,
): Generator<Uint8Array, void> {
  for (let start = 0; start < body.length; start += MAX_STREAMED_CHUNK) {
    const piece = body.subarray(start, start + MAX_STREAMED_CHUNK);
    const isLast = start + MAX_STREAMED_CHUNK >= body.length;
    yield encodeProcessingResponse({
      kind,
      ...(start === 0 ? first : undefined),
      ...(isLast ? last : undefined),
      bodyMutation: { kind: "streamed", body: piece, endOfStream: isLast && endOfStream },
    });
  }
}
