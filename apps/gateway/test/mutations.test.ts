import { describe, expect, it } from "vitest";
import { HeaderFields } from "../src/http/header-fields.ts";
import type { RequestHead } from "../src/http/message-head.ts";
import {
  applyRequestMutation,
  applyResponseMutation,
  checkContentLength,
  MutationFault,
  mutateBody,
} from "../src/http/mutations.ts";

function head(...raw: string[]): RequestHead {
  return { method: "POST", path: "/v1", authority: "a", scheme: "http", headers: HeaderFields.fromRaw(raw) };
}

describe("a header mutation", () => {
  it("removes, then replaces all values, then adds", () => {
    const request = head("A", "1", "B", "2", "a", "3", "C", "4");
    applyRequestMutation(request, {
      removeHeaders: ["b", "c"],
      setHeaders: [
        ["a", "5"],
        ["b", "6"],
      ],
      appendHeaders: [["a", "7"]],
    });
    expect(request.headers.toFlat()).toEqual(["a", "5", "b", "6", "a", "7"]);
  });

  it("can set an empty value", () => {
    const request = head("x", "1");
    applyRequestMutation(request, { setHeaders: [["x", ""]] });
    expect(request.headers.toFlat()).toEqual(["x", ""]);
  });

  it("changes :path and no other pseudo header, host, x-envoy-* or hop-by-hop field", () => {
    const request = head("x-envoy-a", "1", "te", "t");
    const names = [":method", ":authority", ":scheme", "host", "x-envoy-a", "connection", "transfer-encoding"];
    applyRequestMutation(request, {
      removeHeaders: [":path", ":method", "x-envoy-a", "te"],
      setHeaders: [...names.map((name) => [name, "/x"] as const), [":path", "/new?q=1"]],
      appendHeaders: [[":path", "/appended"]],
    });
    expect(request).toMatchObject({ method: "POST", authority: "a", scheme: "http", path: "/new?q=1" });
    expect(request.headers.toFlat()).toEqual(["x-envoy-a", "1", "te", "t"]);
  });

  it.each(["", "v1", "/a b", "/a\r\nx: y", "*"])("cannot make %j the path", (path) => {
    expect(() => applyRequestMutation(head(), { setHeaders: [[":path", path]] })).toThrow(MutationFault);
  });

  it.each([
    ["", "v"],
    ["a b", "v"],
    ["ä", "v"],
    ["x", "a\nb"],
    ["x", "a\0b"],
  ])("cannot set %j to %j", (name, value) => {
    expect(() => applyRequestMutation(head(), { setHeaders: [[name, value]] })).toThrow(MutationFault);
    expect(() => applyRequestMutation(head(), { appendHeaders: [[name, value]] })).toThrow(MutationFault);
  });

  it("changes the status of a response to one that ends it", () => {
    const response = { status: 200, headers: new HeaderFields() };
    applyResponseMutation(response, { setHeaders: [[":status", "404"]] });
    expect(response.status).toBe(404);
    for (const status of ["100", "600", "20", "abc"]) {
      expect(() => applyResponseMutation(response, { setHeaders: [[":status", status]] })).toThrow(MutationFault);
    }
  });
});

describe("a body mutation", () => {
  const body = Buffer.from("abc");

  it("leaves, replaces or clears the body", () => {
    expect(mutateBody(body, undefined)).toBe(body);
    expect(mutateBody(body, { kind: "body", body: Buffer.from("xyz").subarray(1) }).toString()).toBe("yz");
    expect(mutateBody(body, { kind: "clear" })).toHaveLength(0);
    expect(() => mutateBody(body, { kind: "streamed", body, endOfStream: true })).toThrow(MutationFault);
  });

  it("must agree with content-length, if that is still there", () => {
    const fields = (length: string): HeaderFields => HeaderFields.fromRaw(["content-length", length]);
    checkContentLength(new HeaderFields(), body);
    checkContentLength(fields("3"), body);
    for (const length of ["4", "0", "", "03"])
      expect(() => checkContentLength(fields(length), body)).toThrow(MutationFault);
  });
});

describe("hop-by-hop fields", () => {
  it("go, and with them those that Connection names", () => {
    const fields = HeaderFields.fromRaw([
      "Connection",
      "close, X-Private",
      "Keep-Alive",
      "1",
      "x-private",
      "2",
      "Upgrade",
      "h2c",
      "accept",
      "3",
    ]);
    fields.removeHopByHop();
    expect(fields.toFlat()).toEqual(["accept", "3"]);
  });
});
