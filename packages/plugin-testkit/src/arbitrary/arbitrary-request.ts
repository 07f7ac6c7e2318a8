import type { RequestView } from "@pointsman/plugin-api";
import fc from "fast-check";
import { createTestRequest, pseudoRandom, type TestRequestOptions } from "../test-request.ts";

export interface ArbitraryRequestOptions {
  /** Headers that the plugin looks at; each is absent, empty, plausible or odd. */
  readonly headers?: readonly string[];
  /** Values that headers may have besides odd ones: names of endpoints, tokens, … */
  readonly headerValues?: readonly string[];
  readonly models?: readonly string[];
}

const usualHeaders = [
  "x-session-token",
  "x-session-id",
  "x-gateway-inference-fairness-id",
  "authorization",
  "x-acme-tenant",
];
const usualModels = ["m", "meta-llama/Llama-3.1-8B-Instruct", "adapter-1", "adapter-2"];

/**
 * Properties of any request that can reach a plugin: with and without body, model, prompt, token ids; with odd headers
 * and bodies that are no JSON. Plain data, so that one sample can be made into several equal requests.
 */
export function arbitraryRequestOptions(options: ArbitraryRequestOptions = {}): fc.Arbitrary<TestRequestOptions> {
  const names = [...usualHeaders, ...(options.headers ?? [])].map((name) => name.toLowerCase());
  const headerValue = fc.oneof(
    fc.constantFrom(
      "",
      "0",
      "-1",
      "1e400",
      "a,b",
      "default/pod-0",
      "192.168.1.1:8000",
      ...(options.headerValues ?? []),
    ),
    fc.string({ maxLength: 20 }),
    fc.base64String({ maxLength: 40 }),
  );
  const headers = fc
    .uniqueArray(fc.constantFrom(...new Set(names)), { maxLength: names.length })
    .chain((chosen) => fc.tuple(...chosen.map((name) => fc.tuple(fc.constant(name), headerValue))))
    .map((pairs) => Object.fromEntries(pairs));
  const prompt = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 200 }),
    fc.array(fc.nat(200_000), { maxLength: 50 }),
    fc.constant(""),
  );
  const shape = fc.record(
    {
      // A client may choose anything.
      id: fc.oneof(fc.uuid(), fc.string({ minLength: 1, maxLength: 12 })),
      path: fc.constantFrom("/v1/completions", "/v1/chat/completions", "/", "/v1/models"),
      api: fc.constantFrom("openai-chat", "openai-completions", "anthropic-messages", "none"),
      headers,
      model: fc.oneof(fc.constantFrom("", ...(options.models ?? usualModels)), fc.string({ maxLength: 30 })),
      stream: fc.boolean(),
      maxOutputTokens: fc.oneof(fc.nat(4_096), fc.constantFrom(0, 1, 2_147_483_647)),
      cacheSalt: fc.string({ maxLength: 8 }),
      prompt,
      body: fc.oneof(fc.json(), fc.string({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 })),
      priority: fc.integer({ min: -10, max: 10 }),
      tenant: fc.oneof(fc.constantFrom("default-flow", "a"), fc.string({ maxLength: 12 })),
    },
    { requiredKeys: ["id", "path", "api"] },
  );
  return shape as fc.Arbitrary<TestRequestOptions>;
}

/** Any request, as plugins see it; its `random()` is seeded, so that a failure can be repeated. */
export function arbitraryRequest(options: ArbitraryRequestOptions = {}): fc.Arbitrary<RequestView> {
  return fc
    .tuple(arbitraryRequestOptions(options), fc.nat())
    .map(([sample, seed]) => createTestRequest({ ...sample, random: pseudoRandom(seed) }));
}
