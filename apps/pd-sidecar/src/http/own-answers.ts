import type { IncomingMessage, ServerResponse } from "node:http";

/** An answer that the sidecar makes itself. */
export interface OwnAnswer {
  readonly status: number;
  readonly message: string;
  /** Seconds; becomes `Retry-After`. */
  readonly retryAfter?: number;
}

/** An own answer, thrown on the way to it. */
export class Refusal extends Error implements OwnAnswer {
  override readonly name = "Refusal";
  readonly status: number;
  readonly retryAfter?: number;

  constructor(status: number, message: string, retryAfter?: number) {
    super(message);
    this.status = status;
    if (retryAfter !== undefined) this.retryAfter = retryAfter;
  }
}

const TYPES: Readonly<Record<number, string>> = {
  400: "BadRequestError",
  403: "ForbiddenError",
  408: "RequestTimeoutError",
  413: "RequestTooLargeError",
  429: "TooManyRequestsError",
  500: "InternalServerError",
  502: "BadGateway",
  503: "ServiceUnavailable",
  504: "GatewayTimeout",
};

/** The body of an error in vLLM's form. */
export function errorBody({ status, message }: OwnAnswer): Buffer {
  const type = TYPES[status] ?? (status < 500 ? "BadRequestError" : "InternalServerError");
  return Buffer.from(JSON.stringify({ object: "error", message, type, param: "", code: status }));
}

/** Sends an own answer, if nothing was sent yet; else cuts the connection, which is all that can be said then. */
export function sendOwn(response: ServerResponse, answer: OwnAnswer): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = errorBody(answer);
  response.writeHead(answer.status, {
    "content-type": "application/json",
    "content-length": body.length,
    ...(answer.retryAfter === undefined ? {} : { "retry-after": String(answer.retryAfter) }),
  });
  response.end(body);
}

const LINGER_MS = 5_000;

/**
 * Lets a client that is still uploading read the answer that was already given: what it sends is thrown away for a
 * while, because closing at once would reset the connection and lose the answer.
 */
export function discardUpload(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  request.resume();
  const cutOff = setTimeout(() => request.destroy(), LINGER_MS);
  cutOff.unref();
  request.once("close", () => clearTimeout(cutOff));
}
