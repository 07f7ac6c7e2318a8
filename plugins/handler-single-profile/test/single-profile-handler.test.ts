import type { ProfileRun } from "@pointsman/plugin-api";
import { configIssues, createTestRequest, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import singleProfileHandler from "../src/index.ts";

function runOf(profiles: readonly string[], done: readonly string[] = []): ProfileRun {
  return { profiles, ran: (profile) => done.includes(profile), result: () => undefined };
}

describe("single-profile-handler", () => {
  it("runs the profile once, whether or not it found somebody, and names it primary", async () => {
    const { profileHandler } = await setUpPlugin(singleProfileHandler);
    const request = createTestRequest();
    expect(profileHandler!.next(request, runOf(["main"]))).toEqual(["main"]);
    expect(profileHandler!.next(request, runOf(["main"], ["main"]))).toEqual([]);
    expect(profileHandler!.primary(request, runOf(["main"], ["main"]))).toBe("main");
  });

  it("accepts exactly one profile and says what it found otherwise", async () => {
    const { profileHandler } = await setUpPlugin(singleProfileHandler);
    expect(profileHandler!.check!(["main"])).toBeUndefined();
    expect(profileHandler!.check!([])).toContain("there is none");
    expect(profileHandler!.check!(["decode", "prefill"])).toContain("2: decode, prefill");
  });

  it("takes no parameters", () => {
    expect(configIssues(singleProfileHandler, { profile: "x" })).toEqual(["profile: takes no parameters"]);
  });
});
