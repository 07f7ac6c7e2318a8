import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createRedisIndex, longestPrefixes, type RedisIndex, type RedisIndexOptions } from "../../src/redis/index.ts";
import { describeWithRedis, type RedisServer, startRedis, until } from "./redis-server.ts";

const GENEROUS_MS = 2_000;
const open: { close(): Promise<void> }[] = [];

async function connect(options: RedisIndexOptions): Promise<RedisIndex> {
  const index = createRedisIndex({ deadlineMs: GENEROUS_MS, ...options });
  open.push(index);
  expect(await index.connected(GENEROUS_MS)).toBe(true);
  return index;
}

afterAll(async () => {
  for (const index of open) await index.close();
});

const podA = "10.0.0.1:8000";
const podB = "10.0.0.2:8000";
const keys = (...numbers: number[]) => numbers.map(String);
const prefixesOf = async (index: RedisIndex, model: string, blocks: readonly string[]) => {
  const lookup = await index.lookup(model, blocks);
  if (!lookup.found) throw new Error(`${lookup.why}: ${lookup.message}`);
  return Object.fromEntries([...longestPrefixes(lookup.runs)].map(([pod, { blocks }]) => [pod, blocks]));
};

describeWithRedis("the index in Redis", () => {
  let redis: RedisServer;
  const url = () => `redis://127.0.0.1:${redis.port}`;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());
  beforeEach(() => void redis.cli("flushall"));

  it("has today's layout byte for byte: hashes by number, JSON fields, and the engine's lists", async () => {
    const { writer } = await connect({ address: url(), layout: "head" });
    // The keys of the tokens 1 to 32 in blocks of 16 for "test-model" by cbor-fnv.
    const blocks = ["9540012594951042066", "16921089685996993662"];
    writer.store({ model: "m", pod: podA, tier: "gpu", blocks, engineBlocks: keys(71, 72) });
    writer.store({ model: "m", pod: "<b&>", tier: "cpu", speculative: true, group: 3, blocks: blocks.slice(0, 1) });
    await writer.flushed();
    expect(redis.cli("keys", "*").split("\n").sort()).toEqual([...blocks, "engine:71", "engine:72"].sort());
    const entry = `{"PodIdentifier":"${podA}","DeviceTier":"gpu","Speculative":false,"HasGroup":false,"GroupIdx":0}`;
    const escaped =
      '{"PodIdentifier":"\\u003cb\\u0026\\u003e","DeviceTier":"cpu","Speculative":true,"HasGroup":true,"GroupIdx":3}';
    expect(redis.cli("--raw", "hkeys", blocks[0]!).split("\n").sort()).toEqual([entry, escaped].sort());
    expect(redis.cli("--raw", "hvals", blocks[0]!)).toBe("\n");
    expect(redis.cli("zrange", "engine:71", "0", "-1", "withscores")).toBe(`${blocks[0]}\n0`);
    // With two pairs the second one is at position 1, as Go's Add numbers them.
    expect(redis.cli("zrange", "engine:72", "0", "-1", "withscores")).toBe(`${blocks[1]}\n1`);
  });

  it("pairs engine blocks with ours in proportion when their sizes differ", async () => {
    const { writer } = await connect({ address: url() });
    writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(1, 2, 3, 4), engineBlocks: keys(91, 92) });
    writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(5), engineBlocks: keys(93, 94) });
    await writer.flushed();
    const list = (key: string) => redis.cli("zrange", `engine:${key}`, "0", "-1").split("\n");
    expect([list("91"), list("92"), list("93"), list("94")]).toEqual([["1", "2"], ["3", "4"], ["5"], ["5"]]);
  });

  it("has the layout of v0.2 byte for byte: pods with tiers, and times", async () => {
    const index = await connect({ address: url(), layout: "v0.2" });
    index.writer.store({ model: "org/model", pod: podA, tier: "gpu", blocks: keys(5) });
    await index.writer.flushed();
    const [field, value] = redis.cli("hgetall", "org/model@5").split("\n");
    expect(field).toBe(`${podA}@gpu`);
    expect(value).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    redis.cli("hset", "org/model@5", "pod-with@at@cpu", "2025-07-01T00:00:00Z");
    const lookup = await index.lookup("org/model", keys(5));
    expect(lookup).toMatchObject({ found: true, unknownFields: 0, runs: [{ blocks: 1 }] });
    expect(lookup.found && lookup.runs[0]!.holders.map(({ pod, tier }) => [pod, tier])).toEqual([
      [podA, "gpu"],
      ["pod-with@at", "cpu"],
    ]);
  });

  it("has the layout of v0.1: chunk hashes, pods by IP with or without a port", async () => {
    const index = await connect({ address: url(), layout: "v0.1" });
    const chunks = ["a", "b", "c"].map((digit) => digit.repeat(64));
    // As LMCache wrote them.
    redis.cli("hset", `m@${chunks[0]}`, podA, "1", "10.0.0.2", "1");
    redis.cli("hset", `m@${chunks[1]}`, podA, "1");
    expect(await prefixesOf(index, "m", chunks)).toEqual({ "10.0.0.1": 2, "10.0.0.2": 1 });
    index.writer.store({ model: "m", pod: podA, tier: "gpu", blocks: [chunks[2]!] });
    await index.writer.flushed();
    expect(redis.cli("hkeys", `m@${chunks[2]}`)).toBe("10.0.0.1");
    expect(await prefixesOf(index, "m", chunks)).toEqual({ "10.0.0.1": 3, "10.0.0.2": 1 });
  });

  it.each(["script", "pipeline"] as const)(
    "finds how far each pod goes, in runs, up to the first block that nobody has (by %s)",
    async (read) => {
      const index = await connect({ address: url(), read });
      index.writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(1, 2, 3, 4, 6) });
      index.writer.store({ model: "", pod: podB, tier: "cpu", blocks: keys(1, 2) });
      await index.writer.flushed();
      const lookup = await index.lookup("", keys(1, 2, 3, 4, 5, 6));
      expect(lookup.found && lookup.runs.map(({ blocks, holders }) => [blocks, holders.length])).toEqual([
        [2, 2],
        [2, 1],
      ]);
      expect(await prefixesOf(index, "", keys(1, 2, 3, 4, 5, 6))).toEqual({ [podA]: 4, [podB]: 2 });
      expect(await prefixesOf(index, "", keys(5, 1))).toEqual({});
      expect(await index.lookup("", [])).toEqual({ found: true, runs: [], unknownFields: 0 });
    },
  );

  it("removes through the engine's keys, and forgets the way to blocks that nobody holds any more", async () => {
    const index = await connect({ address: url() });
    const blocks = { model: "", tier: "gpu", blocks: keys(1, 2), engineBlocks: keys(81, 82) };
    index.writer.store({ ...blocks, pod: podA });
    index.writer.store({ ...blocks, pod: podB });
    index.writer.remove({ model: "", tier: "gpu", pod: podA, engineBlocks: keys(81) });
    await index.writer.flushed();
    expect(await prefixesOf(index, "", keys(1, 2))).toEqual({ [podB]: 2 });
    expect(redis.cli("exists", "engine:81")).toBe("1");
    index.writer.remove({ model: "", tier: "gpu", pod: podB, engineBlocks: keys(81, 82) });
    index.writer.remove({ model: "", tier: "gpu", pod: podA, blocks: keys(2) });
    index.writer.remove({ model: "", tier: "gpu", pod: podA, engineBlocks: keys(404) });
    await index.writer.flushed();
    expect(redis.cli("keys", "*")).toBe("engine:82");
    expect(index.writer.statistics()).toMatchObject({ queued: 0, dropped: 0, refused: 0 });
  });

  it.each(["head", "v0.2", "v0.1"] as const)(
    "clears an endpoint in all tiers, and nobody else's (%s)",
    async (layout) => {
      const index = await connect({ address: url(), layout });
      const name = (i: number) => (layout === "v0.1" ? i.toString(16).padStart(64, "0") : String(i));
      const blocks = Array.from({ length: 3_000 }, (_, i) => name(i + 1));
      redis.cli("hset", "somebody:else", podA, "1");
      index.writer.store({ model: "m", pod: podA, tier: "gpu", blocks });
      index.writer.store({ model: "m", pod: podA, tier: "cpu", blocks: blocks.slice(0, 10) });
      index.writer.store({ model: "m", pod: podB, tier: "gpu", blocks: blocks.slice(0, 5) });
      await index.writer.flushed();
      index.writer.clear(podA);
      await index.writer.flushed();
      expect(Object.values(await prefixesOf(index, "m", blocks))).toEqual([5]);
      expect(redis.cli("dbsize")).toBe("6");
      expect(redis.cli("hget", "somebody:else", podA)).toBe("1");
    },
  );

  it("is shared: one picker writes, another reads", async () => {
    const one = await connect({ address: url() });
    const other = await connect({ address: `127.0.0.1:${redis.port}` });
    one.writer.store({ model: "", pod: podA, tier: "gpu", blocks: Int32Array.of(7, 0, -1, -1) });
    await one.writer.flushed();
    expect(await prefixesOf(other, "", keys(7))).toEqual({ [podA]: 1 });
    expect(redis.cli("hlen", "18446744073709551615")).toBe("1");
    expect(await other.probe()).toEqual({ seen: ["head"], keys: 2, foreign: undefined });
  });

  it("counts fields that are none of its layout, and tells layouts apart", async () => {
    redis.cli("hset", "5", podA, "1", "{}", "", '{"PodIdentifier":7}', "", "null", "");
    redis.cli("hset", "m@5", "p@gpu", "");
    redis.cli("set", "unrelated", "x");
    const index = await connect({ address: url() });
    expect(await index.lookup("", keys(5))).toEqual({
      found: true,
      runs: [{ blocks: 1, holders: [] }],
      unknownFields: 4,
    });
    const probe = await index.probe();
    expect([...probe.seen].sort()).toEqual(["head", "v0.2"]);
    expect(probe.foreign).toBe("unrelated");
  });

  it("says what Redis refuses, and goes on with what follows", async () => {
    redis.cli("set", "5", "no hash");
    const warnings: unknown[] = [];
    const index = await connect({ address: url(), warn: (message, fields) => warnings.push([message, fields]) });
    expect(await index.lookup("", keys(5))).toMatchObject({ found: false, why: "failed" });
    index.writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(5) });
    await index.writer.flushed();
    index.writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(6) });
    await index.writer.flushed();
    expect(index.writer.statistics()).toEqual({ queued: 0, written: 1, dropped: 0, refused: 1, retries: 0 });
    expect(warnings).toEqual([
      [
        "Redis refuses changes of the shared index",
        expect.objectContaining({ cause: expect.stringMatching(/WRONGTYPE/) }),
      ],
    ]);
  });

  it("drops changes beyond its limit, and says so once", async () => {
    const warnings: string[] = [];
    const index = await connect({ address: url(), maxQueuedBlocks: 3, warn: (message) => warnings.push(message) });
    const store = (...blocks: number[]) => {
      index.writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(...blocks) });
    };
    store(1, 2);
    store(3, 4);
    store(5);
    store(6);
    await index.writer.flushed();
    expect(redis.cli("keys", "*").split("\n").sort()).toEqual(["1", "2", "5"]);
    expect(index.writer.statistics()).toMatchObject({ written: 3, dropped: 3 });
    expect(warnings).toHaveLength(1);
  });

  it("reads without a script where scripts are forbidden", async () => {
    redis.cli("acl", "setuser", "reader", "on", ">pw", "~*", "+hkeys", "+client");
    const index = await connect({ address: `redis://reader:pw@127.0.0.1:${redis.port}` });
    redis.cli("hset", "1", `{"PodIdentifier":"${podA}"}`, "");
    expect(await prefixesOf(index, "", keys(1, 2))).toEqual({ [podA]: 1 });
  });

  it("logs in by the address or by options, and never tells the password", async () => {
    redis.cli("acl", "setuser", "p", "on", ">p@ss:w/rd", "~*", "+@all");
    const right = await connect({ address: `redis://p:p%40ss%3Aw%2Frd@127.0.0.1:${redis.port}/1` });
    right.writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(1) });
    await right.writer.flushed();
    expect(redis.cli("-n", "1", "keys", "*")).toBe("1");
    expect(redis.cli("-n", "0", "keys", "*")).toBe("");
    const warnings: string[] = [];
    const wrong = createRedisIndex({
      address: `redis://p:wrong-secret@127.0.0.1:${redis.port}`,
      warn: (message, fields) => warnings.push(JSON.stringify([message, fields])),
    });
    open.push(wrong);
    await until(() => warnings.length > 0);
    const lookup = await wrong.lookup("", keys(1));
    expect(lookup.found).toBe(false);
    expect(warnings.join() + JSON.stringify(lookup)).not.toContain("wrong-secret");
    expect(warnings.join()).toContain("WRONGPASS");
  });

  it("is reached through a Unix socket", async () => {
    const index = await connect({ address: `unix://${redis.socket}?db=2` });
    index.writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(1) });
    await index.writer.flushed();
    expect(redis.cli("-n", "2", "keys", "*")).toBe("1");
  });
});

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
    open.push(index);
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

describeWithRedis("TLS", () => {
  it("is checked against the given authority, and by name", async () => {
    const folder = (await startRedis()) as RedisServer;
    const [key, cert] = [join(folder.folder, "key.pem"), join(folder.folder, "cert.pem")];
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"],
        ...[
          "-keyout",
          key,
          "-out",
          cert,
          "-subj",
          "/CN=redis",
          "-addext",
          "subjectAltName=DNS:redis.test,IP:127.0.0.1",
        ],
      ],
      { stdio: "ignore" },
    );
    const tlsFiles = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert];
    const redis = await startRedis({
      args: [...tlsFiles, "--tls-auth-clients", "no"],
      cliArgs: ["--tls", "--cacert", cert],
    });
    try {
      const ca = readFileSync(cert);
      const index = await connect({ address: `rediss://127.0.0.1:${redis.port}`, tls: { ca } });
      index.writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(1) });
      await index.writer.flushed();
      expect(await prefixesOf(index, "", keys(1))).toEqual({ [podA]: 1 });
      const named = await connect({
        address: `rediss://127.0.0.1:${redis.port}`,
        tls: { ca, servername: "redis.test" },
      });
      expect(await prefixesOf(named, "", keys(1))).toEqual({ [podA]: 1 });
      const warnings: string[] = [];
      const untrusting = createRedisIndex({
        address: `rediss://127.0.0.1:${redis.port}`,
        warn: (_, fields) => warnings.push(String(fields["cause"])),
      });
      open.push(untrusting);
      await until(() => warnings.length > 0);
      expect(warnings[0]).toMatch(/self.signed/);
      expect(await untrusting.lookup("", keys(1))).toMatchObject({ found: false, why: "failed" });
    } finally {
      await redis.close();
      await folder.close();
    }
  });
});

describeWithRedis("a cluster", () => {
  it("spreads the blocks over its nodes, and answers one look-up from all of them", async () => {
    const nodes = await Promise.all([0, 1, 2].map(() => startRedisNode()));
    try {
      const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
      execFileSync("redis-cli", ["--cluster", "create", ...addresses, "--cluster-yes"], { stdio: "ignore" });
      await until(() => nodes.every((node) => node.cli("cluster", "info").includes("cluster_state:ok")), 20_000);
      const index = await connect({ address: `redis+cluster://${addresses.slice(0, 2).join(",")}` });
      const blocks = Array.from({ length: 60 }, (_, i) => String(i + 1));
      index.writer.store({ model: "", pod: podA, tier: "gpu", blocks, engineBlocks: blocks.map((key) => `9${key}`) });
      index.writer.store({ model: "", pod: podB, tier: "gpu", blocks: blocks.slice(0, 20) });
      await index.writer.flushed();
      expect(index.writer.statistics()).toMatchObject({ refused: 0, retries: 0 });
      for (const node of nodes) expect(Number(node.cli("dbsize"))).toBeGreaterThan(10);
      expect(await prefixesOf(index, "", blocks)).toEqual({ [podA]: 60, [podB]: 20 });
      index.writer.remove({ model: "", pod: podA, tier: "gpu", engineBlocks: ["931"] });
      index.writer.clear(podB);
      await index.writer.flushed();
      expect(await prefixesOf(index, "", blocks)).toEqual({ [podA]: 30 });
      await index.close();
    } finally {
      await Promise.all(nodes.map((node) => node.close()));
    }
  }, 60_000);

  function startRedisNode(): Promise<RedisServer> {
    return startClusterNode(0);
  }

  async function startClusterNode(attempt: number): Promise<RedisServer> {
    const { freePort } = await import("./redis-server.ts");
    const bus = await freePort();
    try {
      return await startRedis({ args: ["--cluster-enabled", "yes", "--cluster-port", String(bus)] });
    } catch (error) {
      if (attempt >= 3) throw error;
      return startClusterNode(attempt + 1);
    }
  }
});

describeWithRedis("sentinels", () => {
  it("lead to the master, and to its successor when it is gone", async () => {
    const master = await startRedis();
    const replica = await startRedis({ args: ["--replicaof", "127.0.0.1", String(master.port)] });
    const { freePort } = await import("./redis-server.ts");
    const port = await freePort();
    const config = join(master.folder, "sentinel.conf");
    const lines = [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${master.folder}`,
      `sentinel monitor blocks 127.0.0.1 ${master.port} 1`,
      "sentinel down-after-milliseconds blocks 500",
      "sentinel failover-timeout blocks 2000",
    ];
    writeFileSync(config, `${lines.join("\n")}\n`);
    const sentinel = await startRedis({ program: "redis-sentinel", args: [config], port });
    try {
      await until(() => sentinel.cli("sentinel", "replicas", "blocks").includes(String(replica.port)), 20_000);
      const index = await connect({
        address: `redis+sentinel://127.0.0.1:${port}/blocks`,
        deadlineMs: 500,
        coolDownMs: 50,
      });
      index.writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(1) });
      await index.writer.flushed();
      expect(master.cli("dbsize")).toBe("1");
      await until(() => replica.cli("dbsize") === "1");
      await master.stop();
      index.writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(2) });
      await until(async () => {
        const lookup = await index.lookup("", keys(1, 2));
        return lookup.found && longestPrefixes(lookup.runs).get(podA)?.blocks === 2;
      }, 30_000);
      expect(replica.cli("dbsize")).toBe("2");
      await index.close();
    } finally {
      await sentinel.close();
      await replica.close();
      await master.close();
    }
  }, 60_000);
});
