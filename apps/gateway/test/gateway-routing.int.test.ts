import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { json } from "node:stream/consumers";
import { createGrpcJsTransport, type StreamEnd } from "@pointsman/ext-proc";
import { afterEach, describe, expect, it } from "vitest";
import { routeTo } from "./fake-picker.ts";
import { call, createRig, deadAddress, open, until } from "./rig.ts";

const rig = createRig();
afterEach(() => rig.end());

const JSON_BODY = '{"model":"m","prompt":"hi"}';

describe("what the picker sees", () => {
  it("the request's head at once and its body as one message, then the response's head with the endpoint that served", async () => {
    const server = await rig.upstream((_, response) => response.writeHead(201, { "x-from": "server" }).end("hello"));
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    const answer = await call(gateway, {
      path: "/v1/x?y=1",
      headers: { Host: "models.example", "X-Two": ["a", "b"] },
      body: JSON_BODY,
    });
    expect(answer).toMatchObject({ status: 201, body: "hello", headers: { "x-from": "server" } });

    const [stream] = picker.streams;
    const [head, body, responseHead] = stream!.messages;
    expect(stream!.messages.map(({ kind }) => kind)).toEqual(["request_headers", "request_body", "response_headers"]);
    expect(head!.headers.slice(0, 4)).toEqual([
      [":authority", "models.example"],
      [":path", "/v1/x?y=1"],
      [":method", "POST"],
      [":scheme", "http"],
    ]);
    expect(head).toMatchObject({ endOfStream: false, lb: undefined });
    expect(head!.headers.filter(([name]) => name === "x-two")).toEqual([
      ["x-two", "a"],
      ["x-two", "b"],
    ]);
    expect(head!.header("host")).toBeUndefined();
    expect(head!.header("connection")).toBeUndefined();
    expect(head!.header("content-length")).toBe(String(JSON_BODY.length));
    expect(head!.header("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(head!.protocolConfig).toEqual({
      requestBody: "BUFFERED",
      responseBody: "NONE",
      sendBodyWithoutWaiting: false,
    });
    expect(body).toMatchObject({ endOfStream: true, protocolConfig: undefined });
    expect(body!.body.toString()).toBe(JSON_BODY);
    expect(responseHead!.header(":status")).toBe("201");
    expect(responseHead!.lb).toEqual({
      "x-gateway-destination-endpoint": server.address,
      "x-gateway-destination-endpoint-served": server.address,
    });
    await until(() => stream!.ended !== undefined);
    expect(stream!.ended).toBe("half-closed");
    expect(server.seen[0]).toMatchObject({ path: "/v1/x?y=1", headers: { host: "models.example", "x-two": "a, b" } });
    expect(server.seen[0]!.headers["x-request-id"]).toBe(head!.header("x-request-id"));
    expect(answer.headers["x-request-id"]).toBe(head!.header("x-request-id"));
    await until(() => gateway.stats().active === 0);
    expect(gateway.stats()).toMatchObject({ requests: 1, retries: 0, pickerFailures: 0 });
  });

  it.each(["GET", "HEAD", "POST"])("the end of a %s without a body in its headers", async (method) => {
    const server = await rig.upstream((_, response) => response.writeHead(200, { "content-length": "3" }).end("abc"));
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    const answer = await call(gateway, { method, headers: method === "POST" ? { "content-length": "0" } : {} });
    expect(answer).toMatchObject({
      status: 200,
      headers: { "content-length": "3" },
      body: method === "HEAD" ? "" : "abc",
    });
    const { messages } = picker.streams[0]!;
    expect(messages.map(({ kind, endOfStream }) => [kind, endOfStream])).toEqual([
      ["request_headers", true],
      ["response_headers", method === "HEAD"],
    ]);
  });

  it("a chunked upload as one body, even an empty one", async () => {
    const server = await rig.upstream((_, response) => response.writeHead(204).end());
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    for (const parts of [["ab", "cd"], []]) {
      const outgoing = request(gateway.url, { method: "POST", agent: false });
      outgoing.flushHeaders();
      for (const part of parts) outgoing.write(part);
      outgoing.end();
      const status = await new Promise((resolve) => outgoing.on("response", (r) => resolve(r.resume().statusCode)));
      expect(status).toBe(204);
    }
    const bodies = picker.streams.map(({ messages }) => messages[1]);
    expect(bodies.map((body) => [body!.kind, body!.body.toString(), body!.endOfStream])).toEqual([
      ["request_body", "abcd", true],
      ["request_body", "", true],
    ]);
    expect(server.seen.map(({ body }) => body.toString())).toEqual(["abcd", ""]);
  });

  it("a body of 4 MiB, byte for byte, as the server does", async () => {
    const body = Buffer.alloc(4 * 1024 * 1024, "pointsman!");
    const server = await rig.upstream((_, response) => response.end("ok"));
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    expect(await call(gateway, { body })).toMatchObject({ status: 200 });
    expect(picker.streams[0]!.messages[1]!.body.equals(body)).toBe(true);
    expect(server.seen[0]!.body.equals(body)).toBe(true);
  });

  it("no routing header of a client, and neither does the server", async () => {
    const server = await rig.upstream((_, response) => response.end());
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    const forged = [
      "x-gateway-destination-endpoint",
      "x-gateway-destination-endpoint-served",
      "x-prefiller-host-port",
      "x-encoder-hosts-ports",
      "x-data-parallel-host-port",
    ];
    await call(gateway, {
      headers: { ...Object.fromEntries(forged.map((name) => [name, "127.0.0.1:1"])), te: "trailers" },
    });
    for (const name of [...forged, "te"]) expect(picker.streams[0]!.messages[0]!.header(name)).toBeUndefined();
    expect(server.seen[0]!.headers).toMatchObject({ "x-gateway-destination-endpoint": server.address });
    expect(server.seen[0]!.headers["x-prefiller-host-port"]).toBeUndefined();
  });

  it("header bytes beyond ASCII as the text they are, and the server the same bytes", async () => {
    const server = await rig.upstream((_, response) => response.end());
    const picker = await rig.picker(routeTo(server.address, { appendHeaders: [["x-added", "größe"]] }));
    const gateway = await rig.gateway({ picker: picker.address });
    const bytes = Buffer.from("grün").toString("latin1");
    await call(gateway, { headers: { "x-colour": bytes } });
    expect(picker.streams[0]!.messages[0]!.header("x-colour")).toBe("grün");
    expect(server.seen[0]!.headers["x-colour"]).toBe(bytes);
    expect(server.seen[0]!.headers["x-added"]).toBe(Buffer.from("größe").toString("latin1"));
  });

  it("the subset hint of x-test-subset, if test headers are on, and otherwise the plain header", async () => {
    const server = await rig.upstream((_, response) => response.end());
    const picker = await rig.picker(routeTo(server.address));
    for (const testHeaders of [true, false]) {
      const gateway = await rig.gateway({ picker: picker.address, testHeaders });
      await call(gateway, { headers: { "x-test-subset": "10.0.0.1:80,10.0.0.2" } });
    }
    const [on, off] = picker.streams.map(({ messages }) => messages[0]!);
    expect(on!.subset).toEqual({ "x-gateway-destination-endpoint-subset": "10.0.0.1:80,10.0.0.2" });
    expect(on!.header("x-test-subset")).toBeUndefined();
    expect(off!.subset).toBeUndefined();
    expect(off!.header("x-test-subset")).toBe("10.0.0.1:80,10.0.0.2");
    expect(server.seen.map(({ headers }) => headers["x-test-subset"])).toEqual([undefined, "10.0.0.1:80,10.0.0.2"]);
  });
});

describe("what the picker changes", () => {
  it("headers, path and body of the request, in the answers to headers and to body", async () => {
    const server = await rig.upstream((_, response) => response.end("ok"));
    const picker = await rig.picker((message) => {
      if (message.kind === "request_headers") {
        return {
          kind: "request_headers",
          removeHeaders: ["x-old"],
          setHeaders: [
            ["x-old", "1"],
            [":method", "DELETE"],
            ["host", "evil"],
          ],
        };
      }
      if (message.kind !== "request_body") return { kind: message.kind };
      const route = routeTo(server.address)(message, undefined as never)!;
      return {
        ...route,
        setHeaders: [
          [":path", "/rewritten"],
          ["content-length", "5"],
        ],
        appendHeaders: [["x-old", "2"]],
        bodyMutation: { kind: "body", body: Buffer.from("12345") },
      } as typeof route;
    });
    const gateway = await rig.gateway({ picker: picker.address });
    expect(await call(gateway, { headers: { Host: "h", "x-old": "0" }, body: JSON_BODY })).toMatchObject({
      status: 200,
    });
    const [seen] = server.seen;
    expect(seen).toMatchObject({
      method: "POST",
      path: "/rewritten",
      headers: { host: "h", "x-old": "1, 2", "content-length": "5" },
    });
    expect(seen!.body.toString()).toBe("12345");
  });

  it("headers and status of the response", async () => {
    const server = await rig.upstream((_, response) =>
      response.writeHead(200, { "x-gone": "1", "set-cookie": ["a=1", "b=2"] }).end("ok"),
    );
    const picker = await rig.picker((message, stream) =>
      message.kind === "response_headers"
        ? {
            kind: "response_headers",
            removeHeaders: ["x-gone"],
            setHeaders: [
              ["x-session-token", "t"],
              [":status", "202"],
            ],
          }
        : routeTo(server.address)(message, stream),
    );
    const gateway = await rig.gateway({ picker: picker.address });
    const { status, headers, body } = await call(gateway);
    expect({ status, body }).toEqual({ status: 202, body: "ok" });
    expect(headers).toMatchObject({ "x-session-token": "t", "set-cookie": ["a=1", "b=2"] });
    expect(headers["x-gone"]).toBeUndefined();
  });

  it.each([
    ["a body with the old content-length", { bodyMutation: { kind: "body", body: Buffer.from("12345") } }],
    ["a cleared body with the old content-length", { bodyMutation: { kind: "clear" } }],
    ["an invalid header name", { setHeaders: [["not valid", "x"]] }],
    ["a header value with a line break", { setHeaders: [["x", "a\r\nb: c"]] }],
  ] as const)("%s makes a 500, also where failures are let through", async (_, mutation) => {
    const server = await rig.upstream((_seen, response) => response.end());
    const picker = await rig.picker(routeTo(server.address, mutation));
    const gateway = await rig.gateway({ picker: picker.address, failureMode: "open", endpoints: [server.address] });
    const answer = await call(gateway, { body: JSON_BODY });
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: "picker_answer_invalid" } });
    expect(server.seen).toEqual([]);
    await until(() => picker.streams[0]!.ended !== undefined && gateway.stats().active === 0);
  });

  it("a new body without content-length is sent with its own length", async () => {
    const server = await rig.upstream((_, response) => response.end());
    const picker = await rig.picker(
      routeTo(server.address, {
        bodyMutation: { kind: "body", body: Buffer.from("123") },
        removeHeaders: ["content-length"],
      }),
    );
    const gateway = await rig.gateway({ picker: picker.address });
    expect(await call(gateway, { body: JSON_BODY })).toMatchObject({ status: 200 });
    expect(server.seen[0]!.body.toString()).toBe("123");
  });
});

describe("the destination", () => {
  it("is tried along the list, then among the static endpoints, each address once", async () => {
    const [first, second] = [await deadAddress(), await deadAddress()];
    const server = await rig.upstream((_, response) => response.end("ok"));
    const picker = await rig.picker(routeTo(`${first}, garbage,${second},${first}`));
    const gateway = await rig.gateway({ picker: picker.address, endpoints: [second, server.address] });
    expect(await call(gateway, { body: JSON_BODY })).toMatchObject({ status: 200, body: "ok" });
    expect(gateway.stats()).toMatchObject({ retries: 2, localReplies: 0 });
    expect(server.seen[0]!.body.toString()).toBe(JSON_BODY);
    expect(picker.streams[0]!.messages.at(-1)!.lb).toMatchObject({
      "x-gateway-destination-endpoint-served": server.address,
    });
  });

  it("may come in the header alone, and in the answer to the headers", async () => {
    const server = await rig.upstream((_, response) => response.end("ok"));
    const picker = await rig.picker((message) => ({
      kind: message.kind,
      ...(message.kind === "request_headers"
        ? { setHeaders: [["x-gateway-destination-endpoint", server.address]] }
        : {}),
    }));
    const gateway = await rig.gateway({ picker: picker.address });
    expect(await call(gateway, { body: JSON_BODY })).toMatchObject({ status: 200, body: "ok" });
  });

  it("that nobody serves makes a 503 of our own, which the picker sees without a served endpoint and may change", async () => {
    const dead = await deadAddress();
    const picker = await rig.picker((message, stream) =>
      message.kind === "response_headers"
        ? { kind: "response_headers", setHeaders: [["x-marked", "yes"]] }
        : routeTo(dead)(message, stream),
    );
    const gateway = await rig.gateway({ picker: picker.address });
    const answer = await call(gateway, { body: JSON_BODY });
    expect(answer).toMatchObject({
      status: 503,
      body: "no healthy upstream",
      headers: { "x-marked": "yes", "content-type": "text/plain" },
    });
    const last = picker.streams[0]!.messages.at(-1)!;
    expect(last.header(":status")).toBe("503");
    expect(last.lb).toEqual({ "x-gateway-destination-endpoint": dead });
    expect(gateway.stats()).toMatchObject({ localReplies: 1 });
  });

  it("is not given up for another once the request was sent", async () => {
    const other = await rig.upstream((_, response) => response.end());
    const server = await rig.upstream((_, response) => response.socket!.destroy());
    const picker = await rig.picker(routeTo(`${server.address},${other.address}`));
    const gateway = await rig.gateway({ picker: picker.address });
    expect((await call(gateway, { body: JSON_BODY })).status).toBe(503);
    expect(other.seen).toEqual([]);
    expect(picker.streams[0]!.messages.at(-1)!.lb).not.toHaveProperty("x-gateway-destination-endpoint-served");
  });

  it("keeps its connection for the next request", async () => {
    const server = await rig.upstream((_, response) => response.end("x".repeat(100_000)));
    let connections = 0;
    server.server.on("connection", () => connections++);
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    for (let i = 0; i < 5; i++) expect((await call(gateway, { body: JSON_BODY })).body).toHaveLength(100_000);
    expect(connections).toBe(1);
  });

  it("is chosen for each of many parallel requests by itself", async () => {
    const servers = await Promise.all(["a", "b"].map((name) => rig.upstream((_, response) => response.end(name))));
    const picker = await rig.picker((message, stream) => {
      const wanted = stream.messages[0]!.header("x-want") === "a" ? 0 : 1;
      return routeTo(servers[wanted]!.address)(message, stream);
    });
    const gateway = await rig.gateway({ picker: picker.address });
    const wanted = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? "a" : "b"));
    const answers = await Promise.all(
      wanted.map((want) => call(gateway, { headers: { "x-want": want }, body: JSON_BODY })),
    );
    expect(answers.map(({ body }) => body)).toEqual(wanted);
    await until(() => gateway.stats().active === 0 && picker.streams.every(({ ended }) => ended !== undefined));
  });
});

describe("requests that are refused before anybody is asked", () => {
  it("too long a body: 413, announced or not, with and without 100-continue", async () => {
    const picker = await rig.picker((message) =>
      message.kind === "request_headers" ? undefined : { kind: message.kind },
    );
    const gateway = await rig.gateway({ picker: picker.address, maxBodyBytes: 1_000 });
    const body = Buffer.alloc(1_001);
    expect((await call(gateway, { body, headers: { "content-length": "1001" } })).status).toBe(413);
    expect(picker.streams).toEqual([]);
    const expecting = await call(gateway, {
      method: "POST",
      headers: { "content-length": "1001", expect: "100-continue" },
    });
    expect(expecting).toMatchObject({ status: 413, headers: { connection: "close" } });
    const chunked = request(gateway.url, { method: "POST", agent: false });
    chunked.write(Buffer.alloc(500));
    await until(() => picker.streams[0]?.messages.length === 1);
    chunked.write(Buffer.alloc(501));
    const [answer] = (await once(chunked, "response")) as [IncomingMessage];
    expect(answer.statusCode).toBe(413);
    expect(await json(answer)).toMatchObject({ error: { code: "body_too_large" } });
    await until(() => picker.streams[0]?.ended === "reset");
    chunked.destroy();
  });

  it("too many header fields: 431", async () => {
    const gateway = await rig.gateway({ picker: await deadAddress() });
    const headers = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, "v"]));
    expect((await call(gateway, { headers })).status).toBe(431);
    expect((await call(gateway, { headers: { big: "x".repeat(61 * 1024) } })).status).toBe(431);
  });

  it("a target that is no path: 400; an absolute one is taken apart", async () => {
    const server = await rig.upstream((_, response) => response.end("ok"));
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    expect(await rawStatus(gateway.port, "OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")).toBe(400);
    expect(await rawStatus(gateway.port, "GET http://other?x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")).toBe(
      200,
    );
    expect(server.seen[0]).toMatchObject({ path: "/?x", headers: { host: "other" } });
  });

  it("a client that expects 100-continue is told to go on", async () => {
    const server = await rig.upstream((_, response) => response.end("ok"));
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    const outgoing = request(gateway.url, {
      method: "POST",
      headers: { expect: "100-continue", "content-length": "5" },
      agent: false,
    });
    outgoing.on("continue", () => outgoing.end("hello"));
    outgoing.flushHeaders();
    const status = await new Promise((resolve) => outgoing.on("response", (r) => resolve(r.resume().statusCode)));
    expect(status).toBe(200);
    expect(server.seen[0]!.body.toString()).toBe("hello");
    expect(picker.streams[0]!.messages[0]!.header("expect")).toBeUndefined();
  });
});

function rawStatus(port: number, text: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.once("data", (bytes) => {
      resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(bytes.toString())?.[1]));
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

describe("the picker's own transport", () => {
  it.each([false, true])("is understood, TLS with a self-signed certificate: %s", async (pickerTls) => {
    const server = await rig.upstream((_, response) => response.end("ok"));
    const ends: StreamEnd[] = [];
    const transport = createGrpcJsTransport({
      handler: {
        open: () => ({
          route: () => ({ kind: "route", destination: server.address, setHeaders: [], removeHeaders: [] }),
          bodyTooLarge: () => ({ kind: "reject", status: 413, headers: [], body: Buffer.alloc(0) }),
          responseHeaders: () => ({ setHeaders: [], removeHeaders: [], body: "rewrite" }),
          responseBody: (chunk) => Buffer.from(Buffer.from(chunk).toString().toUpperCase()),
          end: (end) => ends.push(end),
        }),
      },
    });
    try {
      const { port } = await transport.listen({
        host: "127.0.0.1",
        port: 0,
        ...(pickerTls ? { tls: "self-signed" as const } : {}),
      });
      const gateway = await rig.gateway({ picker: `127.0.0.1:${port}`, pickerTls });
      expect(await call(gateway, { body: JSON_BODY })).toMatchObject({ status: 200, body: "OK" });
      await until(() => ends.length === 1);
      expect(ends[0]).toMatchObject({
        served: server.address,
        responseEnded: true,
        cancelled: false,
        fault: undefined,
      });
    } finally {
      await transport.close();
    }
  });
});

describe("readiness", () => {
  it("is told without asking the picker", async () => {
    const gateway = await rig.gateway({ picker: await deadAddress() });
    const { incoming } = await open(gateway, { path: "/-/ready" });
    expect(incoming.resume().statusCode).toBe(200);
    expect(gateway.stats().requests).toBe(0);
  });
});
