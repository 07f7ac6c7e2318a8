import { describe, expect, it } from "vitest";
import { crossing } from "../src/http/headers.ts";
import { formatTarget, parseTarget } from "../src/http/target.ts";
import { parseEndpointHosts } from "../src/ssrf/allowed-hosts.ts";
import { isPrivateAddress } from "../src/ssrf/private-address.ts";
import { allowPrivate } from "../src/ssrf/target-guard.ts";

describe("the address of a target", () => {
  it.each([
    ["10.0.0.1:8000", "10.0.0.1:8000"],
    [" pod-1.ns.svc:8000 ", "pod-1.ns.svc:8000"],
    ["http://10.0.0.1:8000", "10.0.0.1:8000"],
    ["http://10.0.0.1:8000/", "10.0.0.1:8000"],
    ["[fd00::1]:8000", "[fd00::1]:8000"],
    ["[fd00::1]", "[fd00::1]:80"],
    ["Pod:http", "pod:80"],
    ["pod", "pod:80"],
  ])("%j is %s", (text, expected) => {
    expect(formatTarget(parseTarget(text)!)).toBe(expected);
  });

  it.each([
    "",
    ":80",
    "a:",
    "a:b",
    "a:0",
    "a:65536",
    "fd00::1:8000",
    "[10.0.0.1]:1",
    "ftp://a",
    "a/b",
    "a b",
    "a@b",
    "a?x",
    "a#b",
  ])("%j is none", (text) => {
    expect(parseTarget(text)).toBeUndefined();
  });
});

describe("private addresses", () => {
  it.each(["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "::1", "fd00::1", "::ffff:10.0.0.1"])(
    "%s is one",
    (address) => expect(isPrivateAddress(address)).toBe(true),
  );
  it.each([
    "8.8.8.8",
    "172.32.0.1",
    "169.254.169.254",
    "0.0.0.0",
    "224.0.0.1",
    "fe80::1",
    "2001:db8::1",
    "::ffff:8.8.8.8",
    "::",
    "name",
  ])("%s is none", (address) => expect(isPrivateAddress(address)).toBe(false));

  it("are looked for behind a name", async () => {
    const found = await new Promise((resolve) => {
      allowPrivate.lookup!("localhost", { all: false }, (error, address) => resolve(error ?? address));
    });
    expect(isPrivateAddress(String(found))).toBe(true);
  });
});

describe("an allow-list", () => {
  it("is the addresses of an endpoints file", () => {
    const hosts = parseEndpointHosts("endpoints:\n- { name: a, address: 10.0.0.1, port: 1 }\n- { address: FD00::1 }\n");
    expect([...hosts]).toEqual(["10.0.0.1", "fd00::1"]);
    expect(parseEndpointHosts("endpoints: []").size).toBe(0);
  });

  it.each(["", "[]", "endpoints: 5", "endpoints: [5]", "endpoints: [{ name: a }]", "{"])("is not %j", (text) => {
    expect(() => parseEndpointHosts(text)).toThrow();
  });
});

describe("headers that cross", () => {
  it("are all but those of the connection and those that are dropped", () => {
    const raw = ["Host", "a", "Connection", "Keep-Alive, X-Mine", "X-Mine", "1", "TE", "trailers", "A", "1", "a", "2"];
    expect(crossing(raw, new Set(["host"]))).toEqual(["a", "1", "a", "2"]);
  });
});
