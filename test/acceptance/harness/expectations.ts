import { expect } from "vitest";
import { applyAsEnvoy, type Forwarded, type Refused } from "./as-envoy.ts";
import type { Replay } from "./replay.ts";

const DESTINATION = "x-gateway-destination-endpoint";

/** Headers that must never reach a model server, whoever sent them. */
const controlHeaders = [
  "x-llm-d-inference-objective",
  "x-gateway-inference-objective",
  "x-llm-d-inference-fairness-id",
  "x-gateway-inference-fairness-id",
  "x-llm-d-model-name-rewrite",
  "x-gateway-model-name-rewrite",
  "x-llm-d-slo-ttft-ms",
  "x-slo-ttft-ms",
  "x-llm-d-slo-tpot-ms",
  "x-slo-tpot-ms",
  "x-gateway-destination-endpoint-served",
  "x-gateway-destination-endpoint-subset",
  "x-prefiller-host-port",
  "x-encoder-hosts-ports",
];

/** The forwarded request. Fails when it was refused. */
export function forwarded(replay: Replay, phase: "request" | "response" = "request"): Forwarded {
  const result = applyAsEnvoy(replay, phase);
  if (result.kind === "refused") throw new Error(`refused with ${result.status}: ${result.body}`);
  return result;
}

export interface RouteExpectation {
  /** The body upstream; undefined for a request without a body. */
  readonly body?: string | Uint8Array;
  /** Further headers that the picker may set. */
  readonly sets?: readonly string[];
}

/**
 * `ROUTE(a, body)`: the destination in header and metadata, the route picked anew, the body as expected with one end,
 * its length announced; of the client's headers none changed but those that are removed, and nothing echoed.
 */
export function expectRoute(
  replay: Replay,
  destination: string,
  { body, sets = [] }: RouteExpectation = {},
): Forwarded {
  const request = forwarded(replay);
  const headers = new Map(request.headers);
  expect(headers.get(DESTINATION)).toBe(destination);
  expect(request.metadata["envoy.lb"]?.[DESTINATION]).toBe(destination);
  expect(request.routeCacheCleared).toBe(true);
  expect(request.body.toString("latin1")).toBe(Buffer.from(body ?? "").toString("latin1"));
  const length = request.asked.set.get("content-length");
  if (body !== undefined && request.body.length > 0) expect(length).toBe(String(request.body.length));
  else expect(length).toBeUndefined();
  for (const name of controlHeaders) expect(headers.has(name), name).toBe(false);

  const client = replay.sent.find(({ kind }) => kind === "request_headers")?.headers ?? [];
  const untouched = client.filter(
    ([name]) => ![...controlHeaders, DESTINATION, "content-length", ...sets].includes(name.toLowerCase()),
  );
  const names = new Set(client.map(([name]) => name.toLowerCase()));
  const added = [DESTINATION, ...sets, ...(names.has("x-request-id") ? [] : ["x-request-id"])];
  // Where Envoy keeps a content-length, `applyAsEnvoy` has compared it with the body.
  expect(request.headers.filter(([name]) => ![...added, "content-length"].includes(name))).toEqual(
    untouched.map(([name, value]) => [name.toLowerCase(), value]),
  );
  const echoed = [...request.asked.set.keys()].filter((name) => ![...added, "content-length"].includes(name));
  expect(echoed).toEqual([]);
  return request;
}

/** The destination of a routed request, whatever else it holds. */
export function destinationOf(replay: Replay): string {
  const request = forwarded(replay);
  return new Map(request.headers).get(DESTINATION)!;
}

/**
 * `REJECT(c, text, r?)`: one immediate response and nothing else, the stream ended with OK. The body is JSON in the
 * form of the API that was called; its message is the text.
 */
export function expectReject(replay: Replay, status: number, message: string | RegExp, reason?: string): Refused {
  const result = applyAsEnvoy(replay);
  if (result.kind === "forwarded") throw new Error(`forwarded to ${new Map(result.headers).get(DESTINATION)}`);
  expect(replay.answers.filter(({ kind }) => kind === "immediate_response")).toHaveLength(1);
  expect(replay.status.code).toBe(0);
  expect(result.status).toBe(status);
  expect(result.headers.get("content-type")).toBe("application/json");
  expect(result.headers.get("x-llm-d-request-dropped-reason")).toBe(reason);
  expect(result.headers.has("retry-after")).toBe(status === 429 || status === 503);
  const { error } = JSON.parse(result.body) as { error: { message: string } };
  if (typeof message === "string") expect(error.message).toBe(message);
  else expect(error.message).toMatch(message);
  return result;
}
