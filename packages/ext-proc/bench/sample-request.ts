/** A chat request as a proxy announces it in full duplex. */
export const HEADERS = [
  [":method", "POST"],
  [":path", "/v1/chat/completions"],
  [":authority", "llm.example.com"],
  [":scheme", "https"],
  ["user-agent", "openai-node/5.0.0"],
  ["content-type", "application/json"],
  ["content-length", "2048"],
  ["accept", "text/event-stream"],
  ["authorization", "Bearer 0123456789abcdef0123456789abcdef"],
  ["x-request-id", "3f0c3bd4-0a5b-4b8a-9f8e-0d9a3c1f2e4b"],
  ["x-forwarded-for", "203.0.113.7"],
  ["x-forwarded-proto", "https"],
  ["x-llm-d-inference-objective", "chat"],
] as const;

export const protocolConfig = {
  requestBody: "FULL_DUPLEX_STREAMED",
  responseBody: "FULL_DUPLEX_STREAMED",
  sendBodyWithoutWaiting: false,
} as const;
