import type { Api } from "./requests/parsed-body.ts";

/** An error to tell a client, in no particular API's form. */
export interface ApiError {
  /** The HTTP status it is sent with. */
  readonly status: number;
  /** A word for programs, such as `model_not_found` or `rejected-saturated`. */
  readonly code: string;
  /** A sentence for people, sent as it is. */
  readonly message: string;
  /** The API's category; by default the one that its official clients expect with this status. */
  readonly type?: string;
  /** The request member at fault. */
  readonly param?: string;
}

export interface ErrorBody {
  readonly contentType: "application/json";
  readonly body: Uint8Array;
}

/**
 * The body of an error response in the form of the API that was called. The message is plain: unlike llm-d's text
 * bodies it has no `inference error: <Code> - ` before it, because `code` says that to programs. Anthropic's form
 * has no member for a code. APIs without a form of their own, and unknown ones, get OpenAI's.
 */
export function errorBody(api: Api | undefined, error: ApiError): ErrorBody {
  const isAnthropic = api === "anthropic-messages" || api === "anthropic-count-tokens";
  const form = isAnthropic ? anthropicForm(error) : openAiForm(error);
  return { contentType: "application/json", body: Buffer.from(JSON.stringify(form)) };
}

function openAiForm({ status, code, message, type, param }: ApiError): object {
  return { error: { message, type: type ?? typeOf(OPENAI_TYPES, status, "server_error"), param: param ?? null, code } };
}

function anthropicForm({ status, message, type }: ApiError): object {
  return { type: "error", error: { type: type ?? typeOf(ANTHROPIC_TYPES, status, "api_error"), message } };
}

function typeOf(types: Readonly<Record<number, string>>, status: number, serverError: string): string {
  return types[status] ?? (status >= 500 ? serverError : "invalid_request_error");
}

const OPENAI_TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
  503: "service_unavailable_error",
};

const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
  529: "overloaded_error",
};
