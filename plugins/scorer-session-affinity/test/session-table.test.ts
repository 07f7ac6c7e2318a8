import { describe, expect, it } from "vitest";
import { SessionTable } from "../src/session-table.ts";

describe("SessionTable", () => {
  it("forgets a session that was not used for the time to live", () => {
    const table = new SessionTable({ ttlMs: 1_000, maxSessions: 10 });
    table.bind("s", "ns/a", 0);
    expect(table.endpointOf("s", 1_000)).toBe("ns/a");
    table.bind("s", "ns/a", 1_000);
    expect(table.endpointOf("s", 2_000)).toBe("ns/a");
    expect(table.endpointOf("s", 2_001)).toBeUndefined();
  });

  it("frees the memory of expired sessions when it is swept, and of no others", () => {
    const table = new SessionTable({ ttlMs: 1_000, maxSessions: 10 });
    table.bind("old", "ns/a", 0);
    table.bind("used again", "ns/a", 0);
    table.bind("young", "ns/a", 900);
    table.bind("used again", "ns/a", 950);
    table.sweep(1_500);
    expect(table.size).toBe(2);
    expect(table.endpointOf("used again", 1_500)).toBe("ns/a");
  });

  it("never holds more sessions than it may: the least recently used goes first", () => {
    const table = new SessionTable({ ttlMs: 1e9, maxSessions: 3 });
    for (const session of ["a", "b", "c"]) table.bind(session, "ns/x", 1);
    table.bind("a", "ns/y", 2);
    table.bind("d", "ns/x", 3);
    expect(["a", "b", "c", "d"].map((session) => table.endpointOf(session, 4))).toEqual([
      "ns/y",
      undefined,
      "ns/x",
      "ns/x",
    ]);
    for (let i = 0; i < 10_000; i += 1) table.bind(`flood-${i}`, "ns/x", 5);
    expect(table.size).toBe(3);
  });

  it("goes on with the sessions of the table it follows, within its own limits", () => {
    const before = new SessionTable({ ttlMs: 1_000, maxSessions: 3 });
    for (const session of ["a", "b", "c"]) before.bind(session, "ns/x", 1);
    const after = new SessionTable({ ttlMs: 5_000, maxSessions: 2 }, before);
    expect(["a", "b", "c"].map((session) => after.endpointOf(session, 4_000))).toEqual([undefined, "ns/x", "ns/x"]);
  });
});
