import { type AddressInfo, createServer, type Socket } from "node:net";
import { beforeEach, expect, it } from "vitest";
import { createRedisIndex } from "../../src/redis/index.ts";
import { closeLater, connect, GENEROUS_MS, keys, podA } from "./opened-index.ts";
import { describeWithRedis, type RedisServer, startRedis, until } from "./redis-server.ts";

describeWithRedis("a Redis that misbehaves", () => {
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await startRedis();
    return () => redis.close();
  });
  const address = () => `redis://127.0.0.1:${redis.port}`;

  it("hangs: look-ups end at the deadline, soon none is asked any more, and later it heals", async () => {
    const states: string[] = [];
    const index = await connect({
      address: address(),
      deadlineMs: 20,
      failureThreshold: 3,
      coolDownMs: 100,
      onState: (state) => states.push(state),
    });
    redis.cli("hset", "1", `{"PodIdentifier":"${podA}"}`, "");
    expect((await index.lookup("", keys(1))).found).toBe(true);
    redis.kill("SIGSTOP");
    const whys: string[] = [];
    for (let i = 0; i < 6; i += 1) {
      const lookup = await index.lookup("", keys(1));
      whys.push(lookup.found ? "found" : lookup.why);
    }
    expect(whys).toEqual(["late", "late", "late", "open", "open", "open"]);
    expect(index.state).toBe("open");
    redis.kill("SIGCONT");
    await until(async () => (await index.lookup("", keys(1))).found);
    expect(index.state).toBe("closed");
    expect(states.slice(0, 2)).toEqual(["open", "probing"]);
    expect(states.at(-1)).toBe("closed");
  });

  it("restarts: changes wait for it, look-ups do not, and both go on by themselves", async () => {
    const warnings: string[] = [];
    const index = await connect({
      address: address(),
      deadlineMs: 200,
      coolDownMs: 50,
      warn: (message) => warnings.push(message),
    });
    index.writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(1) });
    await index.writer.flushed();
    await redis.stop();
    await until(async () => !(await index.lookup("", keys(1))).found);
    for (let i = 2; i < 2_000; i += 1) index.writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(i) });
    expect(index.writer.statistics().queued).toBe(1_998);
    await redis.restart();
    await index.writer.flushed();
    // The server kept nothing; everything that waited is there, in full.
    expect(redis.cli("dbsize")).toBe("1998");
    await until(async () => (await index.lookup("", keys(2))).found);
    expect(warnings).toContain("changes of the shared index wait for Redis");
    expect(index.writer.statistics()).toMatchObject({ queued: 0, dropped: 0, refused: 0 });
  });

  it("is not there at first: the start does not wait, and it is found when it comes", async () => {
    await redis.stop();
    const index = createRedisIndex({ address: address(), coolDownMs: 50, deadlineMs: GENEROUS_MS });
    closeLater(index);
    expect(await index.lookup("", keys(1))).toMatchObject({ found: false, why: "failed" });
    await redis.restart();
    await until(async () => (await index.lookup("", keys(1))).found);
  });
});

describeWithRedis("a server that is no Redis", () => {
  it.each([
    ["talks nonsense", (socket: Socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["answers with the wrong things", (socket: Socket) => socket.write(":1\r\n+x\r\n$-1\r\n*1\r\n:7\r\n".repeat(20))],
    ["announces more than it sends", (socket: Socket) => socket.write("*4000000000\r\n$99999999999\r\nx")],
    ["says nothing", () => {}],
    ["hangs up", (socket: Socket) => socket.destroy()],
  ])("%s: look-ups find nothing, within their deadline and without a crash", async (_, answer) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("data", () => answer(socket));
      socket.on("close", () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const index = createRedisIndex({
      address: `127.0.0.1:${port}`,
      deadlineMs: 20,
      coolDownMs: 10,
      failureThreshold: 2,
    });
    try {
      await index.connected(500);
      for (let i = 0; i < 30; i += 1) {
        const lookup = await index.lookup("", keys(1, 2, 3));
        expect(lookup.found && lookup.runs.length > 0).toBe(false);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      index.writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(1) });
    } finally {
      await index.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describeWithRedis("a server whose answer does not end", () => {
  it("is left before it fills the memory", async () => {
    const piece = Buffer.alloc(1_048_576, "x");
    let closedAfter = 0;
    const server = createServer((socket) => {
      let sent = 0;
      socket.on("error", () => {});
      socket.on("close", () => {
        closedAfter ||= sent;
      });
      const pour = (): void => {
        while (!socket.destroyed && sent < 512 * piece.length && socket.write(piece)) sent += piece.length;
      };
      socket.on("drain", pour);
      socket.once("data", () => {
        socket.write("$99999999999\r\n");
        pour();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const index = createRedisIndex({ address: `127.0.0.1:${(server.address() as AddressInfo).port}`, deadlineMs: 50 });
    try {
      await index.connected(GENEROUS_MS);
      expect((await index.lookup("", keys(1))).found).toBe(false);
      await until(() => closedAfter > 0);
      expect(closedAfter).toBeLessThan(64 * piece.length);
    } finally {
      await index.close();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
