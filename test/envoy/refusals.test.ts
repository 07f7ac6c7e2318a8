import { randomUUID } from "node:crypto";
import { ServedModels } from "@pointsman/plugin-api/keys";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { subsetAsList } from "./harness/bootstrap.ts";
import { describeWithEnvoy } from "./harness/describe-with-envoy.ts";
import { type Answer, type HeaderFields, open, post, postChunked } from "./harness/http.ts";
import { sumOf } from "./harness/metrics-page.ts";
import { until } from "./harness/poll.ts";
import { addressOf, MODEL, type Stack, startStack } from "./harness/stack.ts";

const MEBIBYTE = 1_048_576;
const LIMIT = 5 * MEBIBYTE;

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: active-request-scorer
  - type: model-filter
  - type: models-data-source
    parameters: { interval: 1s }
  - type: models-data-extractor
  - type: concurrency-detector
    parameters: { maxConcurrency: 1, retryAfterMs: 2500 }
  - type: request-priority
    parameters: { objectives: { batch: -1 } }
  - type: max-score-picker
schedulingProfiles:
  - name: default
    plugins:
      - { pluginRef: model-filter }
      - { pluginRef: active-request-scorer }
      - { pluginRef: max-score-picker }
saturationDetector: { pluginRef: concurrency-detector }
dataLayer:
  sources:
    - pluginRef: models-data-source
      extractors: [{ pluginRef: models-data-extractor }]
`;

const chat = (fields: object) => ({ model: MODEL, messages: [{ role: "user", content: "Hello" }], ...fields });

describeWithEnvoy("a request that the picker refuses", () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ bootstrap: "override-host", config, epp: { maxBodyBytes: LIMIT } });
    await modelsKnown();
  });
  afterEach(() => stack.expectIdle());
  afterAll(() => stack?.close());

  const modelsKnown = (): Promise<void> =>
    until("the served models to be known", () =>
      stack.epp.datastore.snapshot().endpoints.every((endpoint) => endpoint.get(ServedModels) !== undefined),
    );

  const chatCompletion = (body: unknown, headers: HeaderFields = {}): Promise<Answer> =>
    post(`${stack.url}/v1/chat/completions`, body, headers);

  /** An error in OpenAI's form, of the picker and of nobody else. */
  function expectRefusal(answer: Answer, status: number, code: string, reason: string | null = null): void {
    expect(answer.status, answer.text).toBe(status);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.json()).toMatchObject({
      error: { message: expect.stringContaining(code), type: expect.any(String) },
    });
    expect(answer.headers.get("x-llm-d-request-dropped-reason")).toBe(reason);
    expect(answer.headers.get("x-sim-server")).toBeNull();
  }

  it("is told that its body is no JSON: 400", async () => {
    for (const body of ['{"model": "sim-model", "messages": [', "hello", "[]", "\u0000"]) {
      const answer = await chatCompletion(body);
      expectRefusal(answer, 400, "BadRequest");
      expect(answer.headers.get("retry-after")).toBeNull();
    }
  });

  it("is left to a model server when it has no body: 400 from there", async () => {
    const answer = await chatCompletion("");
    expect(answer.status).toBe(400);
    expect(answer.headers.get("x-sim-server")).not.toBeNull();
  });

  it("is told that it names no model: 400", async () => {
    expectRefusal(await chatCompletion({ messages: [{ role: "user", content: "Hello" }] }), 400, "BadRequest");
    expectRefusal(await chatCompletion(chat({ model: 7 })), 400, "BadRequest");
  });

  it("is told that nobody serves its model: 404", async () => {
    const id = randomUUID();
    const answer = await chatCompletion(chat({ model: "unknown-model" }), { "x-request-id": id });
    expectRefusal(answer, 404, "NotFound");
    expect(answer.text).toContain("unknown-model");
    expect(await stack.decided(id)).toMatchObject({ refusal: { status: 404 }, served: null, outcome: "rejected" });
    expect(await stack.envoy.logged(id)).toMatchObject({ code: 404, details: "pointsman_NotFound" });
  });

  it("is told in the form of the API that was called", async () => {
    const answer = await post(`${stack.url}/v1/messages`, chat({ model: "unknown-model", max_tokens: 5 }));
    expect(answer.status).toBe(404);
    expect(answer.json()).toMatchObject({ type: "error", error: { type: "not_found_error" } });
  });

  it("is shed while the pool is saturated, when its priority is below 0: 429", async () => {
    const slow = chat({ stream: true, ignore_eos: true, max_tokens: 100_000 });
    const aborts = [new AbortController(), new AbortController()];
    for (const { signal } of aborts) await open(`${stack.url}/v1/chat/completions`, slow, {}, signal);
    const batch = { "x-llm-d-inference-objective": "batch" };
    try {
      expect(stack.inFlight()).toEqual({ "sim-0": 1, "sim-1": 1 });
      const shed = await chatCompletion(chat({ max_tokens: 1 }), batch);
      expectRefusal(shed, 429, "ResourceExhausted");
      expect(shed.headers.get("retry-after")).toBe("3");
      expect((await chatCompletion(chat({ max_tokens: 1 }))).status).toBe(200);
    } finally {
      for (const abort of aborts) abort.abort();
    }
    await stack.expectIdle();
    expect((await chatCompletion(chat({ max_tokens: 1 }), batch)).status).toBe(200);
  });

  it("is told that the pool is empty: 503", async () => {
    await stack.setPool([]);
    try {
      const answer = await chatCompletion(chat({}));
      expectRefusal(answer, 503, "ServiceUnavailable", "rejected-no-endpoints");
      expect(answer.headers.get("retry-after")).toBe("1");
    } finally {
      await stack.setPool(stack.members);
    }
    await modelsKnown();
    expect((await chatCompletion(chat({}))).status).toBe(200);
  });

  it("is told that its body is above the picker's limit: 413", async () => {
    const body = JSON.stringify(chat({ user: "a".repeat(LIMIT) }));
    // Told by content-length at the headers, else when the body has come.
    expectRefusal(await chatCompletion(body), 413, "RequestTooLarge");
    expectRefusal(await postChunked(`${stack.url}/v1/chat/completions`, body), 413, "RequestTooLarge");
  });

  it("is told by Envoy that its body is above what Envoy buffers: 413", async () => {
    const body = JSON.stringify(chat({ user: "a".repeat(33 * MEBIBYTE) }));
    const id = randomUUID();
    const answer = await postChunked(`${stack.url}/v1/chat/completions`, body, { "x-request-id": id });
    expect(answer.status).toBe(413);
    expect(answer.text).toBe("Payload Too Large");
    expect((await stack.envoy.logged(id)).details).toContain("request_payload_too_large");
    for (const sim of stack.sims) expect(sim.state().requests.some((request) => request.id === id)).toBe(false);
  });

  it("is counted by what was wrong with it, and no made-up name becomes a label", async () => {
    const before = await stack.epp.metricsPage();
    await chatCompletion(chat({ model: "made-up" }));
    await chatCompletion(chat({}));
    const after = await stack.epp.metricsPage();
    const grown = (name: string): number => sumOf(after, name) - sumOf(before, name);
    expect(grown("llm_d_epp_request_error_total")).toBe(1);
    expect(grown("llm_d_epp_request_total")).toBe(1);
    expect(after).toContain('error_code="NotFound"');
    expect(after).not.toContain("made-up");
  });
});

describeWithEnvoy("a subset hint that is a list", () => {
  let stack: Stack;
  const oneEach = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: concurrency-detector
    parameters: { maxConcurrency: 1 }
  - type: random-picker
`;
  beforeAll(async () => {
    stack = await startStack({
      bootstrap: "override-host",
      config: oneEach,
      sims: 3,
      edit: (bootstrap, sims) =>
        bootstrap.insertBeforeExtProc(subsetAsList([addressOf(sims[0]!), addressOf(sims[2]!)])),
    });
  });
  afterEach(() => stack.expectIdle());
  afterAll(() => stack?.close());

  it("is kept to", async () => {
    const names = new Set<string | null>();
    for (let i = 0; i < 30; i += 1) {
      const answer = await post(`${stack.url}/v1/completions`, { model: MODEL, prompt: "x", max_tokens: 1 });
      names.add(answer.headers.get("x-sim-server"));
    }
    expect([...names].sort()).toEqual(["sim-0", "sim-2"]);
  });

  it("leaves no room elsewhere: filters that empty it make a 429", async () => {
    const url = `${stack.url}/v1/completions`;
    const slow = { model: MODEL, prompt: "x", stream: true, ignore_eos: true, max_tokens: 100_000 };
    const aborts = [new AbortController(), new AbortController()];
    try {
      for (const { signal } of aborts) expect((await open(url, slow, {}, signal)).status).toBe(200);
      const answer = await post(url, { model: MODEL, prompt: "x" });
      expect(answer.status, answer.text).toBe(429);
      expect(answer.headers.get("x-llm-d-request-dropped-reason")).toBe("rejected-saturated");
      expect(answer.headers.get("retry-after")).toBe("1");
      expect(stack.inFlight()).toEqual({ "sim-0": 1, "sim-1": 0, "sim-2": 1 });
    } finally {
      for (const abort of aborts) abort.abort();
    }
  });
});
