import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { createSelfSignedIdentity } from "@pointsman/ext-proc/self-signed";
import { afterEach, describe, expect, it } from "vitest";
import { json, KV_PARAMS, startBackend, text } from "./harness/backend.ts";
import { ask, CHAT, sample, startFromFlags, startRig, until } from "./harness/rig.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const task of cleanups.splice(0).reverse()) await task();
});

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-sidecar-"));
  cleanups.push(() => rm(folder, { recursive: true }));
  return folder;
}

/** Writes a request by hand and reads until the connection ends or the text is there. */
function talk(port: number, request: string, enough: (seen: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    let seen = "";
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      seen += chunk.toString("latin1");
      if (enough(seen)) socket.end();
    });
    socket.on("close", () => resolve(seen));
  });
}

describe("event streams", () => {
  it("arrive event by event, on both ways through the sidecar", async () => {
    let next: (() => void) | undefined;
    const rig = await startRig([], {
      decode: (response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.flushHeaders();
        next = () => response.write('data: {"usage":null}\n\n');
        response.on("close", () => (next = undefined));
      },
    });
    for (const headers of [{}, { "x-prefiller-host-port": rig.prefill.address }]) {
      const response = await new Promise<IncomingMessage>((resolve) => {
        const outgoing = httpRequest({
          ...{ host: "127.0.0.1", port: rig.sidecar.port, method: "POST", path: "/v1/chat/completions" },
          headers: { "content-type": "application/json", ...headers },
        });
        outgoing.on("response", resolve);
        outgoing.end(JSON.stringify({ ...CHAT, stream: true }));
      });
      // The head is here although no event is.
      for (let i = 0; i < 3; i++) {
        await until(() => next !== undefined);
        next!();
        const [chunk] = await new Promise<Buffer[]>((resolve) => response.once("data", (data) => resolve([data])));
        expect(String(chunk)).toBe('data: {"usage":null}\n\n');
      }
      response.destroy();
      await until(() => next === undefined);
    }
  });
});

describe("headers", () => {
  it("of one connection end at the sidecar, on both legs and on the way back", async () => {
    const rig = await startRig([], {
      decode: (response) => {
        response.writeHead(200, { connection: "x-hop", "x-hop": "1", "set-cookie": ["a=1", "b=2"], "x-kept": "é" });
        response.end("{}");
      },
    });
    const answer = await rig.disaggregated({
      headers: {
        connection: "close, x-mine",
        "x-mine": "1",
        te: "trailers",
        "proxy-authorization": "secret",
        authorization: "Bearer t",
        traceparent: "00-1-2-01",
        "x-prefiller-url": "http://10.0.0.1:1",
        "x-encoder-hosts-ports": "10.0.0.1:1",
        "x-data-parallel-host-port": "10.0.0.1:1",
        "x-kv-cache-source-host-port": "10.0.0.1:1",
        "x-request-id": "mine",
      },
    });
    for (const { last, address } of [rig.prefill, rig.decode]) {
      for (const name of ["x-mine", "te", "proxy-authorization", "x-prefiller-url", "x-encoder-hosts-ports"]) {
        expect(last.headers, name).not.toHaveProperty(name);
      }
      expect(last.headers).not.toHaveProperty("x-data-parallel-host-port");
      expect(last.headers).not.toHaveProperty("x-kv-cache-source-host-port");
      expect(last.headers).toMatchObject({ authorization: "Bearer t", traceparent: "00-1-2-01", host: address });
      expect(last.headers["content-length"]).toBe(String(Buffer.byteLength(last.text)));
      expect(last.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect(answer.headers).not.toHaveProperty("x-hop");
    expect(answer.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    // A request without a prefill leg keeps the client's id.
    await rig.ask({ headers: { "x-request-id": "mine" } });
    expect(rig.decode.last.headers["x-request-id"]).toBe("mine");
  });

  it("that frame a body in two ways are refused before anybody is asked", async () => {
    const rig = await startRig();
    const smuggled =
      "POST /v1/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    expect(await talk(rig.sidecar.port, smuggled, () => true)).toMatch(/^HTTP\/1.1 400 /);
    expect(rig.decode.seen).toHaveLength(0);
  });
});

describe("other methods and protocols", () => {
  it("pass with their bodies, of known length or in chunks", async () => {
    const rig = await startRig([], { decode: text("done") });
    for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS"]) {
      expect(await ask(rig.sidecar.port, { method, path: "/x?y=1", body: "abc" })).toMatchObject({ status: 200 });
      expect(rig.decode.last).toMatchObject({ method, path: "/x?y=1", text: "abc" });
      const headers = { "transfer-encoding": "chunked" };
      await ask(rig.sidecar.port, { method, path: "/x", body: "abc", headers });
      expect(rig.decode.last).toMatchObject({ method, text: "abc" });
    }
    expect((await ask(rig.sidecar.port, { method: "HEAD", path: "/x" })).text).toBe("");
    const large = "0123456789".repeat(40_000);
    for (const headers of [{}, { "transfer-encoding": "chunked" }]) {
      for (const path of ["/v1/audio/transcriptions", "/v1/completions"]) {
        expect((await ask(rig.sidecar.port, { path, body: large, headers })).status).toBe(200);
        expect(rig.decode.last.text === large, path).toBe(true);
      }
    }
  });

  it("WebSocket passes both ways, without routing headers; what is no WebSocket becomes an ordinary request", async () => {
    const server = createServer((request, response) => response.end(`plain ${request.headers["upgrade"]}`));
    let upgraded: IncomingMessage | undefined;
    server.on("upgrade", (request, socket: Socket, head) => {
      // An ordinary server would not look at an upgrade to something it does not know.
      upgraded = request;
      socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n");
      socket.write(`got ${head.toString()}`);
      socket.on("data", (chunk) => socket.write(`echo ${chunk.toString()}`));
      socket.on("end", () => socket.end());
      socket.on("error", () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => {
      server.close();
      server.closeAllConnections();
    });
    const sidecar = await startFromFlags([`--model-server-port=${(server.address() as { port: number }).port}`]);
    const head = (protocol: string) =>
      `GET /v1/realtime HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: ${protocol}\r\n` +
      "sec-websocket-key: k\r\nx-prefiller-host-port: 10.0.0.1:1\r\n\r\n";
    const seen = await talk(sidecar.port, `${head("websocket")}hello`, (all) => /hello/.test(all));
    expect(seen).toMatch(/^HTTP\/1.1 101 /);
    expect(upgraded!.headers).toMatchObject({ "sec-websocket-key": "k" });
    expect(upgraded!.headers).not.toHaveProperty("x-prefiller-host-port");
    expect(await talk(sidecar.port, head("h2c"), (all) => all.includes("plain"))).toContain("plain undefined");
  });
});

describe("a kept connection that the model server has closed meanwhile", () => {
  /** Answers once per connection; what comes then on the same connection meets its end. */
  async function startForgetful(): Promise<{ port: number; bodies: string[] }> {
    const bodies: string[] = [];
    const answered = new WeakSet<object>();
    const server = createServer((request, response) => {
      if (answered.has(request.socket)) return void request.socket.destroy();
      answered.add(request.socket);
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        bodies.push(body);
        response.end("{}");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return { port: (server.address() as { port: number }).port, bodies };
  }

  it("is no failure: the request goes over another one, whole", async () => {
    const server = await startForgetful();
    const sidecar = await startFromFlags([`--model-server-port=${server.port}`]);
    for (let i = 0; i < 6; i++) {
      // In chunks, so that the body is still on its way when the connection turns out to be dead.
      const headers = i % 2 === 0 ? {} : { "transfer-encoding": "chunked" };
      expect((await ask(sidecar.port, { body: { n: i }, headers })).status).toBe(200);
      expect((await ask(sidecar.port, { method: "GET", path: "/v1/models" })).status).toBe(200);
    }
    const bodies = server.bodies.filter((body) => body !== "");
    expect(bodies).toEqual(Array.from({ length: 6 }, (_, n) => JSON.stringify({ n })));
    // What is too large to be remembered is told honestly.
    const large = "x".repeat(200_000);
    const statuses = [];
    for (let i = 0; i < 2; i++) statuses.push((await ask(sidecar.port, { body: large })).status);
    expect(statuses.every((status) => status === 200 || status === 502)).toBe(true);
  });
});

describe("TLS", () => {
  it("is served with the files of --cert-path, which are reloaded when they change", async () => {
    const folder = await freshFolder();
    const write = async (commonName: string) => {
      const { key, cert } = createSelfSignedIdentity({ commonName });
      await writeFile(join(folder, "tls.key"), key);
      await writeFile(join(folder, "tls.crt"), cert);
    };
    await write("one");
    const rig = await startRig(["--secure-proxy=true", `--cert-path=${folder}`]);
    const subject = () =>
      new Promise<string>((resolve) => {
        const socket = connectTls({ port: rig.sidecar.port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
          resolve(String(socket.getPeerCertificate().subject.CN));
          socket.destroy();
        });
      });
    expect(await subject()).toBe("one");
    await write("two");
    await until(async () => (await subject()) === "two");
    expect((await ask(rig.sidecar.port, { body: CHAT, tls: true })).status).toBe(200);
  });

  it("is spoken to the stages that are named, and their certificates are verified unless told otherwise", async () => {
    const answer = JSON.stringify({ kv_transfer_params: KV_PARAMS });
    const seen: string[] = [];
    const server = createHttpsServer({ ...createSelfSignedIdentity() }, (request, response) => {
      seen.push(request.url!);
      request.resume();
      response.end(answer);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as { port: number };
    const headers = { "x-prefiller-host-port": `127.0.0.1:${port}` };
    const flags = [`--model-server-port=${port}`, "--enable-tls=prefiller,decoder"];
    const trusting = await startFromFlags([...flags, "--tls-insecure-skip-verify=prefiller,decoder"]);
    expect((await ask(trusting.port, { headers, body: CHAT })).status).toBe(200);
    expect(seen).toHaveLength(2);
    const careful = await startFromFlags([...flags, "--fallback-to-decode=false"]);
    expect((await ask(careful.port, { headers, body: CHAT })).status).toBe(502);
    expect(seen).toHaveLength(2);
  });
});

describe("data-parallel ranks", () => {
  /** Three decode servers on ports that follow each other, and a sidecar with three ranks. */
  async function startRanks() {
    for (let attempt = 0; ; attempt++) {
      const first = await startBackend(json({ rank: 0 }));
      try {
        const others = [
          await startBackend(json({ rank: 1 }), first.port + 1),
          await startBackend(json({ rank: 2 }), first.port + 2),
        ];
        const prefill = await startBackend(json({ kv_transfer_params: KV_PARAMS }));
        const flags = [`--model-server-port=${first.port}`, "--data-parallel-size=3"];
        const sidecar = await startFromFlags(flags, { POD_IP: "10.0.0.5" });
        return { ranks: [first, ...others], prefill, sidecar };
      } catch (error) {
        if (attempt === 20) throw error;
      }
    }
  }

  it("have listeners of their own, and the first one sends to whichever the router names", async () => {
    const { ranks, prefill, sidecar } = await startRanks();
    for (const [i, rank] of ranks.entries()) {
      expect((await ask(sidecar.port + i, { body: CHAT })).json).toEqual({ rank: i });
      const headers = { "x-data-parallel-host-port": `10.0.0.5:${sidecar.port + i}` };
      expect((await ask(sidecar.port, { body: CHAT, headers })).json).toEqual({ rank: i });
      const both = { ...headers, "x-prefiller-host-port": prefill.address };
      expect((await ask(sidecar.port, { body: CHAT, headers: both })).json).toEqual({ rank: i });
      expect(rank.last.headers).not.toHaveProperty("x-data-parallel-host-port");
      // The listener of a rank does not look at the header.
      const elsewhere = { "x-data-parallel-host-port": `10.0.0.5:${sidecar.port + ((i + 1) % 3)}` };
      if (i > 0) expect((await ask(sidecar.port + i, { body: CHAT, headers: elsewhere })).json).toEqual({ rank: i });
    }
    const unknown = await ask(sidecar.port, { body: CHAT, headers: { "x-data-parallel-host-port": "10.0.0.6:1" } });
    expect([unknown.status, unknown.text]).toEqual([400, ""]);
  });
});

describe("P2P pull with NIXL v2", () => {
  it("gives the source to the prefill leg, or to the decode server alone", async () => {
    const rig = await startRig(["--enable-p2p-pull"]);
    const headers = { "x-kv-cache-source-host-port": "10.9.9.9:8000" };
    const source = { kv_request_id: expect.any(String), remote_host: "10.9.9.9", remote_port: 7777 };
    await rig.disaggregated({ headers });
    expect(rig.prefill.last.json["kv_transfer_params"]).toMatchObject({
      do_remote_decode: true,
      remote_kv_source: source,
    });
    await rig.ask({ headers });
    expect(rig.decode.last.json["kv_transfer_params"]).toEqual({ remote_kv_source: source });
    // Where it is the prefill server itself there is nothing to pull.
    await rig.disaggregated({ headers: { "x-kv-cache-source-host-port": rig.prefill.address } });
    expect(rig.prefill.last.json["kv_transfer_params"]).not.toHaveProperty("remote_kv_source");
  });
});

describe("a drain", () => {
  it("lets running answers end, takes nothing new, and then has closed everything", async () => {
    let finish: (() => void) | undefined;
    const rig = await startRig([], { decode: (response) => (finish = () => response.end("{}")) });
    const running = rig.disaggregated();
    await until(() => finish !== undefined);
    const drained = rig.sidecar.drain(60_000);
    await expect(rig.ask()).rejects.toThrow();
    finish!();
    expect((await running).status).toBe(200);
    await drained;
  });

  it("cuts off what does not end in time", async () => {
    const rig = await startRig([], { decode: () => {} });
    const running = rig.ask().catch(() => "cut");
    await until(() => rig.decode.seen.length === 1);
    await rig.sidecar.drain(50);
    expect(await running).toBe("cut");
  });
});

describe("a connector of somebody else", () => {
  it("is loaded from its package, gets its parameters, and is started and stopped with the sidecar", async () => {
    const file = join(import.meta.dirname, "fixtures", "ping-connector.mjs");
    const flags = ["--kv-connector=ping-connector", `--kv-connector-package=${file}`];
    const rig = await startRig([...flags, '--kv-connector-parameters={"word":"x"}'], {
      prefill: (response) => response.end('{"pong":9007199254740993}'),
    });
    expect((await rig.disaggregated()).status).toBe(200);
    expect(rig.prefill.last.json).toMatchObject({ ping: "x", max_tokens: 1 });
    expect(rig.decode.last.text).toContain('"pong":9007199254740993');
    expect(await rig.sidecar.metrics()).toContain('connector="ping",outcome="ok"} 1');
    await expect(startRig([...flags, '--kv-connector-parameters={"wrd":"x"}'])).rejects.toThrow(/wrd/);
    await expect(startRig(["--kv-connector=x", "--kv-connector-package=./none.mjs"])).rejects.toThrow(/none.mjs/);
  });

  it("is as short as the README shows it, and works", async () => {
    const file = join(import.meta.dirname, "fixtures", "ticket-connector.js");
    const readme = await readFile(join(import.meta.dirname, "../../../apps/pd-sidecar/README.md"), "utf8");
    expect(readme).toContain(`\`\`\`js\n${await readFile(file, "utf8")}\`\`\``);
    const rig = await startRig(["--kv-connector=ticket-connector", `--kv-connector-package=${file}`], {
      prefill: (response) => response.end('{"ticket":18446744073709551615}'),
    });
    expect((await rig.disaggregated()).status).toBe(200);
    expect(rig.prefill.last.json).toMatchObject({ keep: true, max_tokens: 1, stream: false });
    expect(rig.decode.last.text).toBe(`${JSON.stringify(CHAT).slice(0, -1)},"ticket":18446744073709551615}`);
  });

  it("is asked to release what nobody will fetch", async () => {
    const file = join(import.meta.dirname, "fixtures", "ping-connector.mjs");
    const flags = ["--kv-connector=ping-connector", `--kv-connector-package=${file}`];
    const rig = await startRig(flags, { prefill: json({ pong: 7 }), decode: text("no", 500) });
    expect((await rig.disaggregated()).status).toBe(500);
    await until(() => rig.prefill.last.path === "/release");
    expect(rig.prefill.last.json).toEqual({ ...CHAT, pong: 7 });
    const name = 'llm_d_sidecar_kv_stranded_total{connector="ping",released="yes"}';
    await until(async () => (await sample(rig.sidecar, name)) === 1);
  });
});
