import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createRedisIndex, longestPrefixes } from "../../src/redis/index.ts";
import { closeLater, connect, keys, podA, podB, prefixesOf } from "./opened-index.ts";
import { describeWithRedis, type RedisServer, startRedis, until } from "./redis-server.ts";

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

  it("adds a tier to blocks of which the engine tells only its keys", async () => {
    const index = await connect({ address: url() });
    const { writer } = index;
    writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(1, 2), engineBlocks: keys(61, 62) });
    writer.copy({ model: "", pod: podA, tier: "cpu", engineBlocks: keys(61, 62, 404) });
    writer.remove({ model: "", pod: podA, tier: "gpu", engineBlocks: keys(61, 62) });
    await writer.flushed();
    const lookup = await index.lookup("", keys(1, 2));
    expect(lookup.found && longestPrefixes(lookup.runs).get(podA)).toEqual({ blocks: 2, weighted: 1.6 });
    writer.remove({ model: "", pod: podA, tier: "cpu", engineBlocks: keys(61, 62) });
    await writer.flushed();
    expect(redis.cli("keys", "*")).toBe("");
    const older = await connect({ address: url(), layout: "v0.2" });
    older.writer.copy({ model: "m", pod: podA, tier: "cpu", engineBlocks: keys(7) });
    await older.writer.flushed();
    expect(redis.cli("hkeys", "m@7")).toBe(`${podA}@cpu`);
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
    closeLater(wrong);
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
