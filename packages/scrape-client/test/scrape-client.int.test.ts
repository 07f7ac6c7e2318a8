import { once } from "node:events";
import http, { type RequestListener } from "node:http";
import net, { type AddressInfo, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { createScrapeClient, ScrapeError } from "../src/index.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const task of cleanups.splice(0)) task();
});

async function serve(listener: RequestListener) {
  const server = http.createServer(listener);
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on("connection", (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const target = { id: "default/a", host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  return { server, sockets, target, connections: () => connections };
}

async function serveBytes(answer: (socket: Socket) => void) {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => answer(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => server.close());
  return { id: "default/raw", host: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

function client(options: { maxBodyBytes?: number; port?: number } = {}) {
  const made = createScrapeClient({ path: "/metrics?x=1", accept: "text/plain", maxBodyBytes: 1_000, ...options });
  cleanups.push(() => made.close());
  return made;
}

const never = (): AbortSignal => new AbortController().signal;

async function failure(promise: Promise<unknown>): Promise<ScrapeError> {
  const error = await promise.then(
    () => expect.fail("it should have failed"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ScrapeError);
  return error as ScrapeError;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

describe("a scrape client", () => {
  it("asks for the path over one kept connection to each target", async () => {
    const seen: (string | undefined)[] = [];
    const a = await serve((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.accept} ${request.headers["accept-encoding"]}`);
      response.end("up 1\n");
    });
    const b = await serve((_, response) => response.end("up 2\n"));
    const scraper = client();
    for (let i = 0; i < 3; i += 1) {
      expect((await scraper.get(a.target, never())).toString()).toBe("up 1\n");
      expect((await scraper.get({ ...b.target, id: "default/b" }, never())).toString()).toBe("up 2\n");
    }
    expect(seen).toEqual(Array(3).fill("GET /metrics?x=1 text/plain undefined"));
    expect([a.connections(), b.connections()]).toEqual([1, 1]);
  });

  it("puts a body of many chunks together, and asks another port when told so", async () => {
    const a = await serve((_, response) => {
      response.write("one ");
      setImmediate(() => response.end("two"));
    });
    const scraper = client({ port: a.target.port });
    expect((await scraper.get({ ...a.target, port: 1 }, never())).toString()).toBe("one two");
  });

  it("reports any status but 200, and follows no redirect", async () => {
    const statuses = [503, 404, 302, 204];
    const a = await serve((_, response) => response.writeHead(statuses.shift() ?? 200, { location: "/other" }).end());
    const scraper = client();
    for (const status of [503, 404, 302, 204]) {
      expect(await failure(scraper.get(a.target, never()))).toMatchObject({ code: "ERR_SCRAPE_STATUS", status });
    }
    expect((await scraper.get(a.target, never())).length).toBe(0);
  });

  it("closes the connection on a body over the limit, announced or not", async () => {
    let announced = true;
    const a = await serve((_, response) => {
      if (announced) response.setHeader("content-length", 50_000_000);
      const pump = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(600)));
      };
      response.on("drain", pump);
      pump();
    });
    const scraper = client();
    for (const way of [true, false]) {
      announced = way;
      expect((await failure(scraper.get(a.target, never()))).code).toBe("ERR_SCRAPE_TOO_LARGE");
      await until(() => a.sockets.size === 0);
    }
    const exact = await serve((_, response) => response.end(Buffer.alloc(1_000)));
    expect((await scraper.get({ ...exact.target, id: "default/c" }, never())).length).toBe(1_000);
  });

  it("refuses a compressed answer", async () => {
    const a = await serve((_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("??"));
    expect((await failure(client().get(a.target, never()))).code).toBe("ERR_SCRAPE_ENCODING");
  });

  it("rejects with the signal's reason and closes the connection when the signal aborts", async () => {
    const a = await serve(() => {});
    const abort = new AbortController();
    const scraper = client();
    const reason = new Error("too slow");
    const pending = expect(scraper.get(a.target, abort.signal)).rejects.toBe(reason);
    await until(() => a.sockets.size === 1);
    abort.abort(reason);
    await pending;
    await until(() => a.sockets.size === 0);
    await expect(scraper.get(a.target, abort.signal)).rejects.toBe(reason);
  });

  it.each([
    ["no HTTP at all", "SSH-2.0-OpenSSH_9.6\r\n\r\n"],
    ["a body that breaks off", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nvllm:num_requests_waiting 1"],
    ["chunks that break off", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"],
    ["an unasked upgrade", "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"],
    ["nothing", ""],
  ])("reports %s as unreachable", async (_, bytes) => {
    const target = await serveBytes((socket) => socket.end(bytes));
    expect((await failure(client().get(target, never()))).code).toBe("ERR_SCRAPE_UNREACHABLE");
  });

  it("names the URL when nobody listens", async () => {
    const error = await failure(client().get({ id: "default/x", host: "127.0.0.1", port: 1 }, never()));
    expect(error.code).toBe("ERR_SCRAPE_UNREACHABLE");
    expect(error.message).toContain("http://127.0.0.1:1/metrics?x=1");
    expect(error.cause).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("asks one target one question at a time", async () => {
    let open = 0;
    let most = 0;
    const a = await serve((request, response) => {
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        response.end(`${request.headers.host}`);
      }, 5);
    });
    const scraper = client();
    const bodies = await Promise.all([1, 2, 3].map(() => scraper.get(a.target, never()).then(String)));
    expect([bodies, most, a.connections()]).toEqual([Array(3).fill(`127.0.0.1:${a.target.port}`), 1, 1]);
  });

  it("lets the next question through when the one before it fails, and asks nobody after the client is closed", async () => {
    let requests = 0;
    const a = await serve((request, response) => {
      requests += 1;
      if (requests === 1) request.socket.end("HTTP/1.1 500 no\r\n\r\n");
      else if (requests === 2) response.end("ok");
    });
    const scraper = client();
    const [first, second, third] = [0, 0, 0].map(() => scraper.get(a.target, never()));
    expect((await failure(first!)).code).toBe("ERR_SCRAPE_STATUS");
    expect((await second!).toString()).toBe("ok");
    await until(() => requests === 3);
    const fourth = failure(scraper.get(a.target, never()));
    scraper.close();
    expect((await failure(third!)).code).toBe("ERR_SCRAPE_UNREACHABLE");
    expect((await fourth).code).toBe("ERR_SCRAPE_CLOSED");
    await until(() => a.sockets.size === 0);
  });

  it("closes a connection on which a server speaks unasked", async () => {
    const a = await serve((_, response) => response.end("ok"));
    const scraper = client();
    await scraper.get(a.target, never());
    for (const socket of a.sockets) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
    await until(() => a.sockets.size === 0);
    expect((await scraper.get(a.target, never())).toString()).toBe("ok");
  });

  it("dials again, once, when a kept connection turns out to be dead", async () => {
    let requests = 0;
    const a = await serve((request, response) => {
      requests += 1;
      if (requests === 2) request.socket.destroy();
      else response.end("ok");
    });
    const scraper = client();
    await scraper.get(a.target, never());
    expect((await scraper.get(a.target, never())).toString()).toBe("ok");
    expect([requests, a.connections()]).toEqual([3, 2]);
  });

  it("closes the connection to a target that is forgotten, moved, or when the client is closed", async () => {
    const a = await serve((_, response) => response.end("a"));
    const b = await serve((_, response) => response.end("b"));
    const scraper = client();
    await scraper.get(a.target, never());
    scraper.forget(a.target.id);
    await until(() => a.sockets.size === 0);
    await scraper.get(a.target, never());
    expect((await scraper.get({ ...b.target, id: a.target.id }, never())).toString()).toBe("b");
    await until(() => a.sockets.size === 0);
    expect(b.sockets.size).toBe(1);
    scraper.close();
    await until(() => b.sockets.size === 0);
    expect((await failure(scraper.get(b.target, never()))).code).toBe("ERR_SCRAPE_CLOSED");
  });

  it("leaves no listener on a signal that outlives the scrape", async () => {
    const a = await serve((_, response) => response.end("a"));
    let listeners = 0;
    const { signal } = new AbortController();
    const counted = new Proxy(signal, {
      get(inner, name) {
        if (name === "addEventListener") listeners += 1;
        if (name === "removeEventListener") listeners -= 1;
        const value = Reflect.get(inner, name) as unknown;
        return typeof value === "function" ? value.bind(inner) : value;
      },
    });
    const scraper = client();
    await scraper.get(a.target, counted);
    await failure(scraper.get({ ...a.target, id: "default/x", port: 1 }, counted));
    expect(listeners).toBe(0);
  });
});
