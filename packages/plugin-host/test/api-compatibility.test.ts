import { API_VERSION } from "@pointsman/plugin-api";
import { describe, expect, it } from "vitest";
import { admitsStamp, implementedApiVersions } from "../src/load/api-compatibility.ts";

describe("the plugin API that this host implements", () => {
  it("is the one of the workspace: whoever releases a new one says so in api-compatibility.ts", () => {
    expect(implementedApiVersions[0]).toBe(API_VERSION);
  });

  it("runs what was defined with another minor or patch of it, and nothing of another major", () => {
    const admits = (stamp: string) => admitsStamp(stamp, ["2.3.0", "1.9.0"]);
    expect(["2.3.0", "2.0.0", "2.4.1", "1.0.0", "1.12.0"].filter((stamp) => !admits(stamp))).toEqual([]);
    expect(["3.0.0", "0.9.0", "2", "newest"].filter(admits)).toEqual([]);
  });
});
