import type { ImmediateResponse } from "../codec/processing-response.ts";
import type { Rejection } from "../exchange.ts";

/** The message of a rejection. A status that HTTP does not know would become 200 in Envoy, so it becomes 500 here. */
export function immediateResponse(rejection: Rejection): ImmediateResponse {
  const { status } = rejection;
  return {
    kind: "immediate_response",
    status: Number.isInteger(status) && status >= 200 && status <= 599 ? status : 500,
    setHeaders: rejection.headers,
    body: rejection.body,
    ...(rejection.details === undefined ? {} : { details: rejection.details }),
  };
}

/** What a client is told when the picker itself failed; the error's text stays inside. */
export function internalErrorRejection(): Rejection {
  return plainRejection(500, "internal error in the endpoint picker", "endpoint_picker_error");
}

export function headersTooLargeRejection(): Rejection {
  return plainRejection(431, "the request headers are too large", "request_headers_too_large");
}

function plainRejection(status: number, message: string, details: string): Rejection {
  const body = JSON.stringify({ error: { message, type: details, code: status } });
  return {
    kind: "reject",
    status,
    headers: [["content-type", "application/json"]],
    body: Buffer.from(body),
    details,
  };
}
