import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeClients } from "../envoy/clients.ts";
import { type Stack, startStack } from "./stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterEach(() => stack.idle());
afterAll(() => stack.close());

describeClients("the gateway", () => stack.url);

const CHAT = "/v1/chat/completions";

function post(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${stack.url}${path}`, {
    method: "POST",
    body: body as NonNullable<RequestInit["body"]>,
    headers: { "content-type": "application/json", ...headers },
  });
}

/** What every refusal owes its client: JSON in the API's form, and a reason in words. */
async function expectRefusal(response: Response, status: number, words: RegExp): Promise<void> {
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toContain("application/json");
  const { error } = (await response.json()) as { error: { message: string } };
  expect(error.message).toMatch(words);
  expect(response.headers.has("retry-after")).toBe(status === 429 || status === 503);
}

describe("bad input", () => {
  const messages = '"messages":[{"role":"user","content":"hi"}]';

  it.each([
    ["malformed JSON", '{"model":', /JSON/],
    ["an empty body object", "{}", /messages/],
    ["no model", `{${messages}}`, /model not found/],
    ["a model of the wrong type", `{"model":7,${messages}}`, /model/],
    ["messages of the wrong type", '{"model":"sim-model","messages":"hi"}', /messages/],
    ["text that is no JSON", "hello", /JSON/],
    ["broken UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), /./],
  ])("%s is 400", async (_, body, words) => {
    await expectRefusal(await post(CHAT, body), 400, words);
  });

  it("an Anthropic request is refused in Anthropic's form", async () => {
    const response = await post("/v1/messages", "{");
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ type: "error", error: { type: "invalid_request_error" } });
  });

  it("a model that nobody serves is 404", async () => {
    await expectRefusal(
      await post(CHAT, `{"model":"nobody",${messages}}`),
      404,
      /no endpoint serves the model "nobody"/,
    );
  });

  it("a body above the picker's limit is 413", async () => {
    const body = `{"model":"sim-model","messages":[{"role":"user","content":"${"x".repeat(2_000_000)}"}]}`;
    await expectRefusal(await post(CHAT, body), 413, /larger than 1048576 bytes/);
  });

  it("too many headers are refused, and nothing is left behind", async () => {
    const { hostname, port } = new URL(stack.url);
    const socket = connect(Number(port), hostname);
    socket.write(`GET /v1/models HTTP/1.1\r\nhost: x\r\n${"x-a: b\r\n".repeat(10_000)}\r\n`);
    const answer = await new Promise<string>((resolve) => {
      let text = "";
      socket.on("data", (chunk) => (text += chunk));
      socket.on("close", () => resolve(text));
      socket.on("error", () => resolve(text));
      setTimeout(() => socket.destroy(), 2_000).unref();
    });
    expect(answer).toMatch(/^HTTP\/1.1 431/);
  });

  it("a server that sends garbage instead of events is passed on", async () => {
    for (const sim of stack.sims) sim.setFailure({ mode: "garbage-sse", count: 1 });
    const response = await post(CHAT, `{"model":"sim-model","stream":true,${messages}}`);
    expect(response.status).toBe(200);
    await response.text().catch(() => "");
    for (const sim of stack.sims) sim.setFailure(undefined);
  });

  it("servers that reset, hang up or fail cost no counter", async () => {
    for (const mode of ["status", "reset-before-headers", "reset-mid-stream"] as const) {
      for (const sim of stack.sims) sim.setFailure({ mode });
      const responses = await Promise.allSettled(
        Array.from({ length: 5 }, async () =>
          (await post(CHAT, `{"model":"sim-model","stream":true,${messages}}`)).text(),
        ),
      );
      expect(responses).toHaveLength(5);
      for (const sim of stack.sims) sim.setFailure(undefined);
      await stack.idle();
    }
  });

  it("clients that leave before and after the headers cost no counter", async () => {
    for (const sim of stack.sims) sim.setFailure({ mode: "hang" });
    await Promise.allSettled(
      Array.from({ length: 5 }, () =>
        fetch(`${stack.url}${CHAT}`, {
          method: "POST",
          body: `{"model":"sim-model",${messages}}`,
          signal: AbortSignal.timeout(50),
        }),
      ),
    );
    for (const sim of stack.sims) sim.setFailure(undefined);
    const abort = new AbortController();
    const response = await fetch(`${stack.url}${CHAT}`, {
      method: "POST",
      body: `{"model":"sim-model","stream":true,"ignore_eos":true,"max_tokens":5000,${messages}}`,
      signal: abort.signal,
    });
    await response.body?.getReader().read();
    abort.abort();
    await stack.idle();
  });

  it.each(["metrics-garbage", "metrics-huge", "metrics-hang"] as const)(
    "%s pages do not stop routing",
    async (mode) => {
      for (const sim of stack.sims) sim.setFailure({ mode });
      await new Promise((resolve) => setTimeout(resolve, 300));
      const response = await post(CHAT, `{"model":"sim-model","max_tokens":2,${messages}}`);
      for (const sim of stack.sims) sim.setFailure(undefined);
      expect(response.status).toBe(200);
      await response.text();
    },
  );

  it("an empty pool is 503 with Retry-After, for requests with and without a body", async () => {
    const { epp, sims } = stack;
    epp.datastore.replace([]);
    await expectRefusal(
      await post(CHAT, `{"model":"sim-model",${messages}}`),
      503,
      /failed to find endpoint candidates/,
    );
    const bodyless = await fetch(`${stack.url}/v1/models`);
    expect(bodyless.status).toBe(503);
    expect(bodyless.headers.get("x-llm-d-request-dropped-reason")).toBe("rejected-no-endpoints");
    epp.datastore.replace(sims.map(({ name, host, port }) => ({ name, host, port })));
  });
});
