import type { Rejection } from "@pointsman/ext-proc";
import type { Refusal } from "@pointsman/plugin-api";
import type { GuardedParser } from "@pointsman/plugin-host";

/** A client that was refused for lack of room or endpoints comes back after this many milliseconds. */
const RETRY_AFTER_MS = 1_000;

export const noEndpoints: Refusal = Object.freeze({
  status: 503,
  code: "ServiceUnavailable",
  message: "failed to find endpoint candidates for serving the request",
  reason: "rejected-no-endpoints",
});

export const internalFault: Refusal = Object.freeze({
  status: 500,
  code: "Internal",
  message: "the endpoint picker failed to handle the request",
});

export function badRequest(message: string): Refusal {
  return { status: 400, code: "BadRequest", message };
}

export function bodyTooLarge(limitBytes: number): Refusal {
  return { status: 413, code: "RequestTooLarge", message: `the request body is larger than ${limitBytes} bytes` };
}

export function filteredOut(filter: string | undefined, kind: "ineligible" | "overloaded"): Refusal {
  const by = filter === undefined ? "" : ` (filter ${filter})`;
  return kind === "overloaded"
    ? {
        status: 429,
        code: "ResourceExhausted",
        message: `every endpoint is too busy${by}`,
        reason: "rejected-saturated",
      }
    : { ...noEndpoints, message: `no endpoint is eligible for the request${by}` };
}

export function modelNotServed(model: string): Refusal {
  return { status: 404, code: "NotFound", message: `no endpoint serves the model ${JSON.stringify(model)}` };
}

/** An immediate response in the form of the API that was called; OpenAI's where no parser knows the path. */
export function toRejection(refusal: Refusal, parser: GuardedParser | undefined): Rejection {
  const { status, code, message, reason } = refusal;
  const { contentType, body } = errorBody(parser, status, code, `inference error: ${code} - ${message}`);
  const headers: [string, string][] = [["content-type", contentType]];
  if (reason !== undefined) headers.push(["x-llm-d-request-dropped-reason", reason]);
  if (status === 429 || status === 503) {
    const seconds = Math.max(1, Math.ceil((refusal.retryAfterMs ?? RETRY_AFTER_MS) / 1_000));
    headers.push(["retry-after", String(seconds)]);
  }
  return { kind: "reject", status, headers, body, details: `pointsman_${reason ?? code}` };
}

function errorBody(parser: GuardedParser | undefined, status: number, code: string, message: string) {
  try {
    const shaped = parser?.errorBody?.({ status, code, message });
    if (shaped !== undefined) return shaped;
  } catch {
    // A parser that cannot even write an error must not turn a refusal into a failure.
  }
  const type = status >= 500 ? "server_error" : status === 429 ? "rate_limit_error" : "invalid_request_error";
  const body = Buffer.from(JSON.stringify({ error: { message, type, param: null, code } }));
  return { contentType: "application/json", body };
}
