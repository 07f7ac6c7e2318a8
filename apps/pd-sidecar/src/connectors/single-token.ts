import type { ConnectorExchange, JsonBody } from "@pointsman/plugin-api";
import { jsonBodyOf, openJsonBody } from "../http/json-body.ts";

type Api = ConnectorExchange["api"];

const LIMITS: Readonly<Record<Api, readonly string[]>> = {
  chat: ["max_tokens", "max_completion_tokens", "min_tokens"],
  responses: ["max_output_tokens"],
  generate: ["max_tokens", "min_tokens"],
};

/** The body limited to one token by every member that the API has for it, whether it was sent or not; not streamed. */
export function limitedToOneToken(body: JsonBody, api: Api): JsonBody {
  const ones = Object.fromEntries(LIMITS[api].map((name) => [name, 1]));
  const unstreamed = { stream: false, stream_options: undefined };
  if (api !== "generate") return body.with({ ...ones, ...unstreamed });
  const sent = body.raw("sampling_params");
  const parameters = sent === undefined ? undefined : objectIn(sent);
  return body.with({ sampling_params: (parameters ?? jsonBodyOf({})).with(ones).bytes, ...unstreamed });
}

/** As Mooncake, offloading and encoders want it: `max_completion_tokens` only where the client sent it. */
export function primedWithOneToken(body: JsonBody): JsonBody {
  const sent = body.raw("max_completion_tokens") !== undefined;
  return body.with({
    max_tokens: 1,
    ...(sent ? { max_completion_tokens: 1 } : {}),
    stream: false,
    stream_options: undefined,
  });
}

function objectIn(raw: Uint8Array): JsonBody | undefined {
  const opened = openJsonBody(raw);
  return "bytes" in opened ? opened : undefined;
}
