import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { routeTo } from "./fake-picker.ts";
import { call, createRig, deadAddress, open, until } from "./rig.ts";

const rig = createRig();
afterEach(() => rig.end());

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const BODY = '{"model":"m"}';

describe("without a picker", () => {
  it("closed: 500 with a JSON error", async () => {
    const gateway = await rig.gateway({
      picker: await deadAddress(),
      failureMode: "closed",
      endpoints: ["127.0.0.1:9"],
    });
    const answer = await call(gateway, { body: BODY });
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: "picker_failed", type: "server_error" } });
    expect(gateway.stats()).toMatchObject({ pickerFailures: 1, failedOpen: 0 });
  });

  it("open: the request goes to the static endpoints in turn", async () => {
    const servers = await Promise.all(["a", "b"].map((name) => rig.upstream((_, response) => response.end(name))));
    const endpoints = [...servers.map(({ address }) => address), await deadAddress()];
    const gateway = await rig.gateway({ picker: await deadAddress(), failureMode: "open", endpoints });
    const bodies = [];
    for (let i = 0; i < 6; i++) bodies.push((await call(gateway, { body: BODY })).body);
    expect(new Set(bodies)).toEqual(new Set(["a", "b"]));
    expect(servers[0]!.seen[0]!.body.toString()).toBe(BODY);
    expect(gateway.stats()).toMatchObject({ requests: 6, failedOpen: 6 });
  });

  it("open, but with nobody to fall back to: 503", async () => {
    const gateway = await rig.gateway({ picker: await deadAddress(), failureMode: "open" });
    expect(await call(gateway, { body: BODY })).toMatchObject({ status: 503, body: "no healthy upstream" });
  });

  it("a picker that comes back is found again", async () => {
    const server = await rig.upstream((_, response) => response.end("ok"));
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    expect((await call(gateway, { body: BODY })).status).toBe(200);
    picker.kill();
    await until(() => picker.streams[0]!.ended !== undefined);
    expect((await call(gateway, { body: BODY })).status).toBe(500);
    await rig.picker(routeTo(server.address), Number(picker.address.split(":")[1]));
    while ((await call(gateway, { body: BODY })).status !== 200) await pause(20);
  });

  it("a lost picker is dialled anew for every request, without the growing pauses of gRPC", async () => {
    let dialled = 0;
    const refusing = createServer((socket) => {
      dialled++;
      socket.destroy();
    });
    refusing.listen(0, "127.0.0.1");
    await once(refusing, "listening");
    const { port } = refusing.address() as { port: number };
    const gateway = await rig.gateway({ picker: `127.0.0.1:${port}` });
    const calls = 8;
    for (let i = 0; i < calls; i++) {
      await pause(260);
      expect((await call(gateway, { body: BODY })).status).toBe(500);
    }
    refusing.close();
    expect(dialled).toBeGreaterThanOrEqual(calls);
  });
});

describe("a picker that fails a request", () => {
  it.each(["request_headers", "request_body", "response_headers"])("with a gRPC error at %s", async (kind) => {
    const server = await rig.upstream((_, response) => response.end("ok"));
    const picker = await rig.picker((message, stream) => {
      if (message.kind === kind) return void stream.fail(13);
      return routeTo(server.address)(message, stream);
    });
    const closed = await rig.gateway({ picker: picker.address, failureMode: "closed", endpoints: [server.address] });
    const open_ = await rig.gateway({ picker: picker.address, failureMode: "open", endpoints: [server.address] });
    expect((await call(closed, { body: BODY })).status).toBe(500);
    expect(await call(open_, { body: BODY })).toMatchObject({ status: 200, body: "ok" });
    await until(() => closed.stats().active + open_.stats().active === 0);
  });

  it.each(["request_headers", "request_body", "response_headers"])("by not answering %s in time", async (kind) => {
    const server = await rig.upstream((_, response) => response.end("ok"));
    const picker = await rig.picker((message, stream) =>
      message.kind === kind ? undefined : routeTo(server.address)(message, stream),
    );
    const common = { picker: picker.address, endpoints: [server.address], messageTimeoutMs: 150 };
    const closed = await rig.gateway({ ...common, failureMode: "closed" });
    const open_ = await rig.gateway({ ...common, failureMode: "open" });
    const refused = await call(closed, { body: BODY });
    expect(refused.status).toBe(504);
    expect(JSON.parse(refused.body)).toMatchObject({ error: { code: "picker_timeout" } });
    expect(await call(open_, { body: BODY })).toMatchObject({ status: 200, body: "ok" });
    await until(() => picker.streams.every(({ ended }) => ended === "reset"));
  });

  it("by answering out of turn", async () => {
    const picker = await rig.picker(() => ({ kind: "response_headers" }));
    const gateway = await rig.gateway({ picker: picker.address });
    const answer = await call(gateway, { body: BODY });
    expect(answer.status).toBe(500);
    expect(answer.body).toContain("answered response_headers when request_headers was due");
    await until(() => picker.streams[0]!.ended === "reset");
  });

  it("by ending the stream with OK: the request goes on unrouted, whatever the failure mode is", async () => {
    const server = await rig.upstream((_, response) => response.end("ok"));
    const picker = await rig.picker((_, stream) => void stream.finish());
    const gateway = await rig.gateway({ picker: picker.address, endpoints: [server.address] });
    expect(await call(gateway, { body: BODY })).toMatchObject({ status: 200, body: "ok" });
    expect(gateway.stats()).toMatchObject({ pickerFailures: 0 });
  });

  it("and a slow server does not count as a slow picker", async () => {
    const server = await rig.upstream((_, response) => setTimeout(() => response.end("ok"), 200));
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address, messageTimeoutMs: 100 });
    expect(await call(gateway, { body: BODY })).toMatchObject({ status: 200, body: "ok" });
  });

  it.each(["open", "closed"] as const)("during a response: %s", async (failureMode) => {
    let finish: (() => void) | undefined;
    const server = await rig.upstream((_, response) => {
      response.write("one");
      finish = () => response.end("two");
    });
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address, failureMode });
    const { incoming } = await open(gateway, { body: BODY });
    let text = "";
    let complete: boolean | undefined;
    incoming.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    incoming.on("error", () => {});
    incoming.on("close", () => {
      complete = incoming.complete;
    });
    await until(() => text === "one");
    picker.kill();
    await until(() => gateway.stats().pickerFailures === 1);
    finish!();
    await until(() => complete !== undefined);
    expect({ text, complete }).toEqual(
      failureMode === "open" ? { text: "onetwo", complete } : { text: "one", complete: false },
    );
    expect(complete).toBe(failureMode === "open");
  });
});

describe("draining", () => {
  it("lets running responses end, on connections of which it takes no more requests, and refuses new connections", async () => {
    let finish: (() => void) | undefined;
    const server = await rig.upstream((_, response) => {
      response.write("one");
      finish = () => response.end("two");
    });
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    const running = await open(gateway, { body: BODY });
    let drained = false;
    const draining = gateway.drain(60_000).then(() => {
      drained = true;
    });
    await expect(call(gateway, { body: BODY })).rejects.toThrow();
    expect(drained).toBe(false);
    finish!();
    let text = "";
    for await (const chunk of running.incoming) text += String(chunk);
    expect(text).toBe("onetwo");
    await draining;
    await until(() => picker.streams[0]!.ended === "half-closed");
    expect(gateway.stats()).toMatchObject({ active: 0, clientAborts: 0 });
  });

  it("cuts off what has not ended in time", async () => {
    const server = await rig.upstream((_, response) => void response.write("one"));
    const picker = await rig.picker(routeTo(server.address));
    const gateway = await rig.gateway({ picker: picker.address });
    const { incoming } = await open(gateway, { body: BODY });
    incoming.on("error", () => {});
    await gateway.drain(50);
    await until(() => server.aborted() === 1 && picker.streams[0]!.ended !== undefined && gateway.stats().active === 0);
  });
});
