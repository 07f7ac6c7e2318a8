import { describe, expect, it } from "vitest";
import { decodeProcessingRequest, encodeProcessingRequest } from "../src/codec/processing-request.ts";
import { createHeaderList, lazyHeaderList } from "../src/headers.ts";

describe("HeaderList", () => {
  it("M10 M13 lower-cases names and finds them", () => {
    const headers = createHeaderList([["X-Request-ID", "r1"]]);
    expect(headers.get("x-request-id")).toBe("r1");
    expect(headers.get("absent")).toBeUndefined();
  });

  it("M15 keeps every value of a name, in order, and reads the last as the one", () => {
    const headers = createHeaderList([
      ["x-forwarded-for", "1.1.1.1"],
      ["a", "b"],
      ["x-forwarded-for", "2.2.2.2"],
    ]);
    expect(headers.getAll("x-forwarded-for")).toEqual(["1.1.1.1", "2.2.2.2"]);
    expect(headers.get("x-forwarded-for")).toBe("2.2.2.2");
    expect([...headers]).toEqual([
      ["x-forwarded-for", "1.1.1.1"],
      ["a", "b"],
      ["x-forwarded-for", "2.2.2.2"],
    ]);
    expect(headers.size).toBe(3);
  });

  it("reads the wire form, non-ASCII values included", () => {
    const message = encodeProcessingRequest({
      kind: "request_headers",
      headers: [
        ["X-A", "grüße"],
        ["x-empty", ""],
      ],
    });
    const headers = lazyHeaderList(decodeProcessingRequest(message).headerMap);
    expect([...headers]).toEqual([
      ["x-a", "grüße"],
      ["x-empty", ""],
    ]);
  });
});
