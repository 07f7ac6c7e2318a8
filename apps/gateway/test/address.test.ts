import { describe, expect, it } from "vitest";
import { formatAddress, parseAddress, parseDestination } from "../src/address.ts";
import { createCandidates } from "../src/upstream/candidates.ts";

describe("an address", () => {
  it.each(["127.0.0.1:80", "[::1]:9002", "name.example:65535"])("%s is one", (text) => {
    expect(formatAddress(parseAddress(text)!)).toBe(text);
  });

  it.each([
    "",
    "host",
    ":80",
    "host:0",
    "host:65536",
    "::1:80",
    "[1.2.3.4]:80",
    "http://h:80",
    "u@h:80",
    "a b:80",
    "h:80/x",
  ])("%j is none", (text) => expect(parseAddress(text)).toBeUndefined());
});

describe("a destination", () => {
  it("is a list whose entries without an IP address, a port or novelty are skipped", () => {
    expect(parseDestination("10.0.0.1:8000, [fd00::1]:8000,name:80,10.0.0.2,,10.0.0.1:8000")).toEqual([
      "10.0.0.1:8000",
      "[fd00::1]:8000",
    ]);
  });
});

describe("the candidates of a request", () => {
  const { of } = createCandidates(["a:1", "b:1", "c:1"]);

  it("are the destination's, then the other static endpoints, beginning with another one each time", () => {
    expect([...of("10.0.0.1:1")]).toEqual(["10.0.0.1:1", "a:1", "b:1", "c:1"]);
    expect([...of(undefined)]).toEqual(["b:1", "c:1", "a:1"]);
  });

  it("are nobody if there is neither", () => {
    expect([...createCandidates([]).of("garbage")]).toEqual([]);
  });
});
