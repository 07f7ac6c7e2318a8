import type { IncomingMessage, ServerResponse } from "node:http";
import type { ProcessingMode } from "@pointsman/ext-proc";
import { afterEach, describe, expect, it } from "vitest";
import { routeTo, type Script } from "./fake-picker.ts";
import { call, createRig, open, until } from "./rig.ts";

const rig = createRig();
afterEach(() => rig.end());

const SHOW: ProcessingMode = {
  requestHeaders: "SEND",
  responseHeaders: "SEND",
  requestBody: "BUFFERED",
  responseBody: "STREAMED",
  requestTrailers: "SKIP",
  responseTrailers: "SEND",
};

/** Routes, asks for the response's body, and answers it with `body`. */
function showing(destination: string, body: Script, mode: Partial<ProcessingMode> = {}): Script {
  return (message, stream) => {
    if (message.kind === "response_headers") return { kind: "response_headers", modeOverride: { ...SHOW, ...mode } };
    return message.kind === "response_body" ? body(message, stream) : routeTo(destination)(message, stream);
  };
}

/** Collects what arrives, as it arrives. */
function listen(incoming: IncomingMessage): { text(): string; closed: Promise<unknown> } {
  let text = "";
  incoming.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  incoming.on("error", () => {});
  return { text: () => text, closed: new Promise((resolve) => incoming.once("close", resolve)) };
}

/** A server that leaves its response to the test. */
async function heldServer() {
  const responses: ServerResponse[] = [];
  const server = await rig.upstream((_, response) => responses.push(response));
  return {
    ...server,
    async response(): Promise<ServerResponse> {
      await until(() => responses.length > 0);
      return responses[0]!;
    },
  };
}

describe("a streamed response", () => {
  it("reaches the client event by event, the stream to the picker lasting as long", async () => {
    const server = await heldServer();
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    const opening = open(gateway, { body: "{}" });
    const response = await server.response();
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    const { incoming } = await opening;
    const client = listen(incoming);
    for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
      const before = client.text();
      response.write(event);
      await until(() => client.text() === before + event);
      expect(picker.streams[0]!.ended).toBeUndefined();
    }
    response.end("data: [DONE]\n\n");
    await client.closed;
    expect(client.text()).toBe("data: 1\n\ndata: 2\n\ndata: [DONE]\n\n");
    await until(() => picker.streams[0]!.ended === "half-closed");
    expect(picker.streams[0]!.messages.filter(({ kind }) => kind === "response_body")).toEqual([]);
  });

  it("that the server breaks off is broken off for the client, and ends the stream to the picker", async () => {
    const server = await heldServer();
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    const opening = open(gateway, { body: "{}" });
    const response = await server.response();
    response.write("part");
    const { incoming } = await opening;
    const client = listen(incoming);
    await until(() => client.text() === "part");
    response.destroy();
    await client.closed;
    expect(incoming.complete).toBe(false);
    await until(() => picker.streams[0]!.ended !== undefined && gateway.stats().active === 0);
    expect(gateway.stats()).toMatchObject({ upstreamAborts: 1, clientAborts: 0 });
  });

  it("is read no faster than the client takes it", async () => {
    const size = 64 * 1024 * 1024;
    let written = 0;
    const server = await rig.upstream((_, response) => {
      const chunk = Buffer.alloc(64 * 1024);
      const more = (): void => {
        while (written < size) {
          written += chunk.length;
          if (!response.write(chunk)) {
            response.once("drain", more);
            return;
          }
        }
        response.end();
      };
      more();
    });
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    const { incoming } = await open(gateway, { body: "{}" });
    let last = -1;
    while (last !== written) {
      last = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(written).toBeLessThan(size / 2);
    let received = 0;
    for await (const chunk of incoming) received += (chunk as Buffer).length;
    expect(received).toBe(size);
  });
});

describe("a client that goes away", () => {
  it("while the picker decides: the stream is reset at once and no server is asked", async () => {
    const server = await heldServer();
    const picker = await rig.picker((message) =>
      message.kind === "request_body" ? undefined : { kind: message.kind },
    );
    const gateway = await rig.gateway({ picker: picker.address, endpoints: [server.address] });
    const opening = open(gateway, { body: "{}" });
    opening.catch(() => {});
    await until(() => picker.streams[0]?.messages.length === 2);
    await abortAll(gateway.port);
    await until(() => picker.streams[0]!.ended === "reset" && gateway.stats().active === 0);
    expect(server.seen).toEqual([]);
    expect(gateway.stats()).toMatchObject({ clientAborts: 1 });
  });

  it.each(["before", "during"])("%s the response: server and picker are told at once", async (moment) => {
    const server = await heldServer();
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    const opening = open(gateway, { body: "{}" });
    opening.catch(() => {});
    const response = await server.response();
    if (moment === "during") {
      response.write("part");
      const { incoming } = await opening;
      incoming.destroy();
    } else await abortAll(gateway.port);
    await until(() => picker.streams[0]!.ended === "reset" && server.aborted() === 1 && gateway.stats().active === 0);
    expect(gateway.stats()).toMatchObject({ clientAborts: 1, upstreamAborts: 0 });
  });
});

/** Breaks the connections that this process, as a client, has to a port. */
async function abortAll(port: number): Promise<void> {
  const handles = (
    process as unknown as { _getActiveHandles(): { remotePort?: number; destroy?(): void }[] }
  )._getActiveHandles();
  for (const handle of handles) if (handle.remotePort === port) handle.destroy?.();
}

describe("an immediate response", () => {
  it.each(["request_headers", "request_body"])("in the answer to %s reaches the client as it is", async (kind) => {
    const server = await heldServer();
    const picker = await rig.picker((message, stream) =>
      message.kind !== kind
        ? routeTo(server.address)(message, stream)
        : {
            kind: "immediate_response",
            status: 429,
            setHeaders: [
              ["retry-after", "7"],
              ["content-type", "application/json"],
            ],
            body: Buffer.from('{"error":{}}'),
          },
    );
    const gateway = await rig.gateway({ picker: picker.address });
    const answer = await call(gateway, { body: "{}" });
    expect(answer).toMatchObject({ status: 429, body: '{"error":{}}' });
    expect(answer.headers).toMatchObject({
      "retry-after": "7",
      "content-type": "application/json",
      "content-length": "12",
    });
    expect(server.seen).toEqual([]);
    await until(() => picker.streams[0]!.ended !== undefined);
    expect(gateway.stats()).toMatchObject({ immediateResponses: 1, localReplies: 0, clientAborts: 0 });
  });

  it("without a status is a 200 in plain text", async () => {
    const picker = await rig.picker(() => ({ kind: "immediate_response", status: 0, body: Buffer.from("hi") }));
    const gateway = await rig.gateway({ picker: picker.address });
    expect(await call(gateway)).toMatchObject({ status: 200, body: "hi", headers: { "content-type": "text/plain" } });
  });

  it("is heard while a large upload is still running", async () => {
    const picker = await rig.picker(() => ({ kind: "immediate_response", status: 403, body: Buffer.from("no") }));
    const gateway = await rig.gateway({ picker: picker.address });
    expect(await call(gateway, { body: Buffer.alloc(16 * 1024 * 1024) })).toMatchObject({ status: 403, body: "no" });
  });

  it("nobody asked for evicts a request that waits for its server", async () => {
    const server = await heldServer();
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    const calling = call(gateway, { body: "{}" });
    await server.response();
    picker.streams[0]!.send({ kind: "immediate_response", status: 429, body: Buffer.from("evicted") });
    expect(await calling).toMatchObject({ status: 429, body: "evicted" });
    await until(() => server.aborted() === 1);
  });

  it("to the response's headers replaces the response; once those are out the client is cut off", async () => {
    const server = await heldServer();
    let picker = await rig.picker((message, stream) =>
      message.kind === "response_headers"
        ? { kind: "immediate_response", status: 502, body: Buffer.from("replaced") }
        : routeTo(server.address)(message, stream),
    );
    let gateway = await rig.gateway({ picker: picker.address });
    const calling = call(gateway, { body: "{}" });
    (await server.response()).write("part");
    expect(await calling).toMatchObject({ status: 502, body: "replaced" });

    const late = await heldServer();
    picker = await rig.picker(routeTo(late.address));
    gateway = await rig.gateway({ picker: picker.address });
    const opening = open(gateway, { body: "{}" });
    (await late.response()).write("part");
    const { incoming } = await opening;
    const client = listen(incoming);
    await until(() => client.text() === "part");
    picker.streams[0]!.send({ kind: "immediate_response", status: 429 });
    await client.closed;
    expect(incoming.complete).toBe(false);
  });
});

describe("a response body that the picker asked to see", () => {
  it("goes to it chunk by chunk without waiting, and the client gets the answers in order", async () => {
    const server = await heldServer();
    const waiting: (() => void)[] = [];
    const picker = await rig.picker(
      showing(server.address, (message, stream) => {
        const text = message.body.toString();
        const answer = { kind: "response_body" as const };
        waiting.push(() =>
          stream.send(
            text === "b"
              ? { ...answer, bodyMutation: { kind: "body", body: Buffer.from("B!") } }
              : text === "c"
                ? { ...answer, bodyMutation: { kind: "clear" } }
                : answer,
          ),
        );
        return undefined;
      }),
    );
    const gateway = await rig.gateway({ picker: picker.address });
    const opening = open(gateway, { body: "{}" });
    const response = await server.response();
    response.writeHead(200, { "content-length": "4" });
    const { messages } = await until(() => picker.streams.length === 1).then(() => picker.streams[0]!);
    for (const [i, chunk] of ["a", "b", "c", "d"].entries()) {
      response.write(chunk);
      await until(() => messages.length >= 4 + i);
    }
    response.end();
    const { incoming } = await opening;
    expect(incoming.headers["content-length"]).toBeUndefined();
    const client = listen(incoming);
    await until(() => waiting.length === 5);
    expect(client.text()).toBe("");
    waiting.shift()!();
    await until(() => client.text() === "a");
    for (const answer of waiting.splice(0, 3)) answer();
    await until(() => client.text() === "aB!d");
    expect(picker.streams[0]!.ended).toBeUndefined();
    waiting.shift()!();
    await client.closed;
    expect(incoming.complete).toBe(true);
    await until(() => picker.streams[0]!.ended === "half-closed");
    const shown = messages.slice(3);
    expect(shown.map(({ body, endOfStream }) => [body.toString(), endOfStream])).toEqual([
      ["a", false],
      ["b", false],
      ["c", false],
      ["d", false],
      ["", true],
    ]);
    expect(shown[0]!.lb).toMatchObject({ "x-gateway-destination-endpoint-served": server.address });
  });

  it("is not read without bound while the picker does not answer", async () => {
    const size = 32 * 1024 * 1024;
    const server = await rig.upstream((_, response) => response.end(Buffer.alloc(size)));
    let held: (() => void)[] | undefined = [];
    let shownBytes = 0;
    const picker = await rig.picker(
      showing(server.address, (message, stream) => {
        shownBytes += message.body.length;
        const answer = (): void => stream.send({ kind: "response_body" });
        if (held === undefined) answer();
        else held.push(answer);
        return undefined;
      }),
    );
    const gateway = await rig.gateway({ picker: picker.address });
    const calling = call(gateway, { body: "{}" });
    let last = -1;
    while (last !== shownBytes || shownBytes === 0) {
      last = shownBytes;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(shownBytes).toBeLessThan(2 * 1024 * 1024);
    const answers = held;
    held = undefined;
    for (const answer of answers) answer();
    expect((await calling).body).toHaveLength(size);
  });

  it("includes the body of our own replies", async () => {
    const picker = await rig.picker(
      showing("127.0.0.1:1", (message) => ({
        kind: "response_body",
        ...(message.body.length > 0 ? { bodyMutation: { kind: "body" as const, body: Buffer.from("sorry") } } : {}),
      })),
    );
    const gateway = await rig.gateway({ picker: picker.address });
    expect(await call(gateway, { body: "{}" })).toMatchObject({ status: 503, body: "sorry" });
  });

  it("may be buffered: shown as a whole, and replaced with its new length", async () => {
    const server = await rig.upstream((_, response) => response.writeHead(200, { "content-length": "4" }).end("abcd"));
    const picker = await rig.picker(
      showing(
        server.address,
        (message) => ({
          kind: "response_body",
          setHeaders: [["content-length", "3"]],
          bodyMutation: { kind: "body", body: message.body.subarray(1) },
        }),
        { responseBody: "BUFFERED" },
      ),
    );
    const gateway = await rig.gateway({ picker: picker.address });
    expect(await call(gateway, { body: "{}" })).toMatchObject({
      status: 200,
      body: "bcd",
      headers: { "content-length": "3" },
    });
    expect(picker.streams[0]!.messages.at(-1)).toMatchObject({ kind: "response_body", endOfStream: true });
  });

  it("all six modes count: an override that leaves the request body out hides it", async () => {
    const server = await rig.upstream((_, response) => response.end("ok"));
    const picker = await rig.picker((message) =>
      message.kind === "request_headers"
        ? {
            kind: "request_headers",
            setHeaders: [["x-gateway-destination-endpoint", server.address]],
            modeOverride: { ...SHOW, requestBody: "NONE", responseHeaders: "SKIP" },
          }
        : { kind: message.kind },
    );
    const gateway = await rig.gateway({ picker: picker.address });
    expect(await call(gateway, { body: "{}" })).toMatchObject({ status: 200, body: "ok" });
    expect(picker.streams[0]!.messages.map(({ kind }) => kind)).toEqual([
      "request_headers",
      "response_body",
      "response_body",
    ]);
    expect(server.seen[0]!.body.toString()).toBe("{}");
  });

  it.each(["open", "closed"] as const)(
    "survives the picker's end if failures are let through: %s",
    async (failureMode) => {
      const server = await heldServer();
      const picker = await rig.picker(showing(server.address, () => undefined));
      const gateway = await rig.gateway({ picker: picker.address, failureMode });
      const opening = open(gateway, { body: "{}" });
      const response = await server.response();
      response.write("a");
      await until(() => picker.streams[0]?.messages.length === 4);
      response.write("b");
      await until(() => picker.streams[0]?.messages.length === 5);
      const { incoming } = await opening;
      const client = listen(incoming);
      picker.streams[0]!.fail(13);
      await until(() => gateway.stats().pickerFailures === 1);
      response.end("c");
      await client.closed;
      expect([client.text(), incoming.complete]).toEqual(failureMode === "open" ? ["abc", true] : ["", false]);
      await until(() => gateway.stats().active === 0);
    },
  );

  it("keeps the length that the server gave, if it is not shown, whatever the picker says", async () => {
    const server = await rig.upstream((_, response) => response.writeHead(200, { "content-length": "4" }).end("abcd"));
    const picker = await rig.picker((message, stream) =>
      message.kind === "response_headers"
        ? { kind: "response_headers", setHeaders: [["content-length", "2"]] }
        : routeTo(server.address)(message, stream),
    );
    const gateway = await rig.gateway({ picker: picker.address });
    expect(await call(gateway, { body: "{}" })).toMatchObject({ body: "abcd", headers: { "content-length": "4" } });
  });
});
