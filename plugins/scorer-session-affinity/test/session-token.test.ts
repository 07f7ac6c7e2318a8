import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeSessionToken, parseSessionToken } from "../src/session-token.ts";

describe("session token", () => {
  it.each([
    ["namespace1/test-pod-name", "bmFtZXNwYWNlMS90ZXN0LXBvZC1uYW1l"],
    ["default/pod-0-rank-0", "ZGVmYXVsdC9wb2QtMC1yYW5rLTA="],
    ["default/pod-b", "ZGVmYXVsdC9wb2QtYg=="],
  ])("of %s is %s", (id, token) => {
    expect(encodeSessionToken(id)).toBe(token);
    expect(parseSessionToken(token)).toBe(id);
  });

  it.each([
    undefined,
    "",
    "not base64!",
    "ZGVmYXVsdC9wb2QtYg",
    "ZGVmYXVsdC9wb2QtYg===",
    "ZGVm\nYXVsdC9wb2QtYg==",
    "ZGVm_XVs",
    "A".repeat(516),
    "A".repeat(5_000_000),
  ])("%#: what is no token names nobody", (token) => {
    expect(parseSessionToken(token)).toBeUndefined();
  });

  it("fits the longest name a pod can have", () => {
    const id = `${"n".repeat(63)}/${"p".repeat(253)}`;
    expect(parseSessionToken(encodeSessionToken(id))).toBe(id);
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 600 }), (text) => {
        const id = parseSessionToken(text);
        expect(id === undefined || typeof id === "string").toBe(true);
      }),
      { numRuns: 500, seed: 3 },
    );
  });
});
