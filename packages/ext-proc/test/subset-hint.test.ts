import { describe, expect, it } from "vitest";
import type { JsonValue } from "../src/codec/struct.ts";
import { createSubsetMatcher, matchesSubset, parseSubsetHint } from "../src/subset-hint.ts";

const select = (hint: JsonValue | undefined, endpoints: string[]) => {
  const parsed = parseSubsetHint(hint);
  const matcher = createSubsetMatcher(parsed);
  return endpoints.filter((endpoint) => {
    const colon = endpoint.lastIndexOf(":");
    const host = endpoint.slice(0, colon);
    const port = Number(endpoint.slice(colon + 1));
    expect(matcher(host, port)).toBe(matchesSubset(parsed, host, port));
    return matcher(host, port);
  });
};

const THREE = ["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:9090"];
const DATA_PARALLEL = ["10.0.0.1:8080", "10.0.0.1:9090", "10.0.0.2:8080", "10.0.0.2:9090"];

describe("subset hint", () => {
  it.each<[string, JsonValue | undefined, string[]]>([
    ["B12 no key allows all", undefined, THREE],
    ["a null key allows all", null, THREE],
    ["B12 an empty list allows none", [], []],
    ["B06 one endpoint", ["10.0.0.1:8080"], ["10.0.0.1:8080"]],
    ["B06 two endpoints", ["10.0.0.1:8080", "10.0.0.3:9090"], ["10.0.0.1:8080", "10.0.0.3:9090"]],
    ["B06 a foreign endpoint", ["192.168.1.1:8080"], []],
    ["B06 an item that is no string is skipped", ["10.0.0.1:8080", 12345], ["10.0.0.1:8080"]],
    ["B10 a string with commas", "10.0.0.2:8080,10.0.0.3:9090", ["10.0.0.2:8080", "10.0.0.3:9090"]],
    ["B10 blanks and empty entries", "  10.0.0.2:8080 ,  ,  10.0.0.3:9090  ", ["10.0.0.2:8080", "10.0.0.3:9090"]],
    ["commas inside list items", ["10.0.0.1:8080, 10.0.0.2:8080", "10.0.0.3:9090"], THREE],
    ["an empty string allows none", "", []],
    ["a value that cannot be read allows none", { a: 1 }, []],
  ])("%s", (_, hint, expected) => {
    expect(select(hint, THREE)).toEqual(expected);
  });

  it.each<[string, string[]]>([
    ["10.0.0.1:8080", ["10.0.0.1:8080"]],
    ["10.0.0.1", ["10.0.0.1:8080", "10.0.0.1:9090"]],
    ["10.0.0.1:8080,10.0.0.2", ["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.2:9090"]],
    ["10.0.0.1:3000", []],
  ])("B13 respects ports: %s", (hint, expected) => {
    expect(select(hint, DATA_PARALLEL)).toEqual(expected);
  });

  it("knows IPv6 with and without brackets, with and without a port", () => {
    const six = ["[fd00::1]:8000", "[fd00::1]:8001", "fd00::2:8000"];
    expect(select("[FD00::1]:8000", six)).toEqual(["[fd00::1]:8000"]);
    expect(select("fd00::1", six)).toEqual(["[fd00::1]:8000", "[fd00::1]:8001"]);
    expect(select("[fd00::2]", six)).toEqual(["fd00::2:8000"]);
  });
});
