import { describe, expect, it } from "vitest";
import { describeRedisAddress, parseRedisAddress, RedisAddressError } from "../../src/redis/address.ts";

const server = { kind: "server", host: "h", port: 6379, db: 0, tls: false };

describe("an address of Redis", () => {
  it.each([
    ["h:7000", { ...server, port: 7000 }],
    ["h", server],
    ["redis://h", server],
    ["REDIS://h:1/3", { ...server, port: 1, db: 3 }],
    ["valkey://h?db=2", { ...server, db: 2 }],
    ["rediss://h", { ...server, tls: true }],
    ["valkeys://h", { ...server, tls: true }],
    ["redis://[::1]:7000", { ...server, host: "::1", port: 7000 }],
    ["redis://user:p%40s%2Fs@h", { ...server, username: "user", password: "p@s/s" }],
    ["redis://:only@h", { ...server, password: "only" }],
    ["redis://user@h", { ...server, username: "user" }],
    ["redis://:100%@h", { ...server, password: "100%" }],
    ["unix:///run/redis.sock", { ...server, host: "", port: 0, path: "/run/redis.sock" }],
    [
      "unix://u:p@/run/r.sock?db=4",
      { ...server, host: "", port: 0, path: "/run/r.sock", db: 4, username: "u", password: "p" },
    ],
  ])("%s is read", (text, address) => {
    expect(parseRedisAddress(text)).toEqual(address);
  });

  it("may be that of a cluster or of sentinels", () => {
    const nodes = [
      { host: "a", port: 7000 },
      { host: "b", port: 6379 },
    ];
    expect(parseRedisAddress("redis+cluster://:p@a:7000,b")).toEqual({
      kind: "cluster",
      nodes,
      tls: false,
      password: "p",
    });
    expect(parseRedisAddress("rediss+sentinel://a:7000,b/blocks/2")).toEqual({
      kind: "sentinel",
      nodes: [nodes[0], { host: "b", port: 26379 }],
      master: "blocks",
      db: 2,
      tls: true,
    });
  });

  it.each([
    "",
    "http://h",
    "redis://",
    "redis://secret-user:secret-word@",
    "redis://a,b",
    "redis://h:99999",
    "redis://h:0",
    "redis://h/x",
    "unix://",
    "redis+cluster://a,b/1",
    "redis+sentinel://a,b",
    "ho st:1",
    "a:b:c",
  ])("%j is refused, by a sentence that does not repeat it", (text) => {
    let message = "";
    try {
      parseRedisAddress(text);
    } catch (error) {
      expect(error).toBeInstanceOf(RedisAddressError);
      message = (error as Error).message;
    }
    expect(message).not.toBe("");
    expect(message).not.toContain("secret");
  });

  it("is shown without user and password", () => {
    const shown = (text: string) => describeRedisAddress(parseRedisAddress(text));
    expect(shown("redis://u:p@h/2")).toBe("redis://h:6379/2");
    expect(shown("rediss://u:p@[::1]")).toBe("rediss://[::1]:6379");
    expect(shown("unix://u:p@/run/r.sock")).toBe("unix:///run/r.sock");
    expect(shown("rediss+cluster://u:p@a,b:1")).toBe("rediss+cluster://a:6379,b:1");
    expect(shown("redis+sentinel://u:p@a/m/3")).toBe("redis+sentinel://a:26379/m");
  });
});
