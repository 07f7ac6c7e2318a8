/** A request that is answered with an error. The message goes to the client. */
export class ApiError extends Error {
  readonly status: number;
  /** The field of the body that is wrong, if it is one. */
  readonly param: string | null;

  constructor(status: number, message: string, param: string | null = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.param = param;
  }
}

/** Which API's form an error body takes: that of the route that was called. */
export type ErrorStyle = "openai" | "anthropic";

const openaiTypes: Readonly<Record<number, string>> = {
  400: "BadRequestError",
  401: "AuthenticationError",
  404: "NotFoundError",
  405: "MethodNotAllowedError",
  413: "RequestEntityTooLargeError",
  429: "RateLimitError",
  503: "ServiceUnavailableError",
};

const anthropicTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  404: "not_found_error",
  405: "invalid_request_error",
  413: "request_too_large",
  429: "rate_limit_error",
  529: "overloaded_error",
};

/** The body of an error answer, as vLLM writes it on the routes of either API. */
export function renderApiError(error: ApiError, style: ErrorStyle): string {
  const { status, message, param } = error;
  if (style === "anthropic") {
    return JSON.stringify({ type: "error", error: { type: anthropicTypes[status] ?? "api_error", message } });
  }
  const type = openaiTypes[status] ?? (status < 500 ? "BadRequestError" : "InternalServerError");
  return JSON.stringify({ error: { message, type, param, code: status } });
}
