import { describe, expect, it } from "vitest";
import { type Api, type ApiError, errorBody } from "../src/index.ts";

const parsed = (api: Api | undefined, error: ApiError): unknown =>
  JSON.parse(Buffer.from(errorBody(api, error).body).toString());

describe("errorBody", () => {
  it("writes OpenAI's form with the plain message, also for unknown APIs", () => {
    const error = { status: 400, code: "missing_field", message: 'no "messages"\n' };
    for (const api of ["openai-chat", "vllm-generate", "sglang-generate", undefined] as const) {
      expect(parsed(api, error)).toEqual({
        error: { message: 'no "messages"\n', type: "invalid_request_error", param: null, code: "missing_field" },
      });
    }
    expect(parsed("openai-chat", { ...error, param: "messages" })).toMatchObject({ error: { param: "messages" } });
    expect(errorBody(undefined, error).contentType).toBe("application/json");
  });

  it("writes Anthropic's form", () => {
    expect(parsed("anthropic-messages", { status: 429, code: "rejected-saturated", message: "busy" })).toEqual({
      type: "error",
      error: { type: "rate_limit_error", message: "busy" },
    });
  });

  it.each<[number, string, string]>([
    [400, "invalid_request_error", "invalid_request_error"],
    [404, "not_found_error", "not_found_error"],
    [412, "invalid_request_error", "invalid_request_error"],
    [413, "invalid_request_error", "request_too_large"],
    [429, "rate_limit_error", "rate_limit_error"],
    [500, "server_error", "api_error"],
    [503, "service_unavailable_error", "overloaded_error"],
  ])("gives status %i a type the clients know, unless one is given", (status, openAi, anthropic) => {
    const error = { status, code: "c", message: "m" };
    expect(parsed("openai-chat", error)).toMatchObject({ error: { type: openAi } });
    expect(parsed("anthropic-count-tokens", error)).toMatchObject({ error: { type: anthropic } });
    expect(parsed("openai-chat", { ...error, type: "own" })).toMatchObject({ error: { type: "own" } });
  });
});
