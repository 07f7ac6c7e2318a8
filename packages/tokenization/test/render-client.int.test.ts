import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRenderClient, type RenderClient } from "../src/index.ts";

let server: Server;
let client: RenderClient;
let sockets: Set<unknown>;
let asked: { url: string | undefined; body: string }[];
let answer: (response: ServerResponse, request: IncomingMessage) => void;

beforeEach(async () => {
  sockets = new Set();
  asked = [];
  server = createServer(async (request, response) => {
    sockets.add(request.socket);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    asked.push({ url: request.url, body: Buffer.concat(chunks).toString() });
    answer(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  client = createRenderClient({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`,
    maxAnswerBytes: 1000,
  });
});

afterEach(async () => {
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const soon = (): AbortSignal => AbortSignal.timeout(5_000);
const json = (value: unknown) => (response: ServerResponse) => void response.end(JSON.stringify(value));

describe("vLLM's renderer", () => {
  it("is sent the body and gives token ids, over one connection", async () => {
    answer = json({ token_ids: [1, 2, 4_294_967_295] });
    const body = Buffer.from('{"model":"m"}');
    expect(await client.render("/v1/chat/completions/render", body, soon())).toEqual(
      Uint32Array.of(1, 2, 4_294_967_295),
    );
    answer = json([{ token_ids: [1] }, { token_ids: [2, 3] }]);
    expect(await client.render("/v1/completions/render", body, soon())).toEqual(Uint32Array.of(1, 2, 3));
    answer = json({ count: 1, tokens: [7] });
    expect(await client.render("/tokenize", "{}", soon())).toEqual(Uint32Array.of(7));
    expect(asked[0]).toEqual({ url: "/base/v1/chat/completions/render", body: '{"model":"m"}' });
    expect(sockets.size).toBe(1);
  });

  it("that refuses is an error with the status and the kind, never with its text", async () => {
    answer = (response) =>
      void response
        .writeHead(400)
        .end(JSON.stringify({ error: { type: "BadRequestError", message: "secret prompt" } }));
    await expect(client.render("/tokenize", "{}", soon())).rejects.toThrow(
      new Error("the renderer answered 400 (BadRequestError)"),
    );
    answer = (response) => void response.writeHead(502).end("secret".repeat(100_000));
    await expect(client.render("/tokenize", "{}", soon())).rejects.toThrow(new Error("the renderer answered 502"));
  });

  it.each([
    ["no JSON", (response: ServerResponse) => void response.end("x"), "the renderer's answer is not JSON"],
    ["no ids", json({}), "the renderer's answer has no token ids"],
    ["null", json(null), "the renderer's answer has no token ids"],
    ["ids that are none", json({ token_ids: [1, -1] }), "the renderer's answer has token ids that are no numbers"],
    ["too much", json("x".repeat(2_000)), "the renderer's answer is longer than 1000 bytes"],
  ])("that answers %s is an error", async (_what, reply, message) => {
    answer = reply;
    await expect(client.render("/tokenize", "{}", soon())).rejects.toThrow(new Error(message));
  });

  it("is not waited for beyond the deadline, and not at all when it is gone", async () => {
    answer = () => {};
    const deadline = new AbortController();
    const pending = client.render("/tokenize", "{}", deadline.signal);
    setTimeout(() => deadline.abort(new Error("deadline")), 20);
    await expect(pending).rejects.toThrow("deadline");
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(client.render("/tokenize", "{}", soon())).rejects.toThrow(/ECONNREFUSED/);
    server.listen(0, "127.0.0.1");
  });
});
