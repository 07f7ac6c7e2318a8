import { describe, expect, it } from "vitest";
import { z } from "zod";
import { connectionParameters, parseDurationMs } from "../src/index.ts";

const schema = connectionParameters({ path: "/metrics" });

function issues(config: unknown): string[] {
  return (schema.safeParse(config).error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("connection parameters", () => {
  it("have the defaults of llm-d", () => {
    expect(schema.parse({})).toEqual({ scheme: "http", path: "/metrics", maxBodyBytes: 8_388_608 });
    expect(connectionParameters({ path: "/v1/models", intervalMs: 10_000 }).parse({}).interval).toBe(10_000);
  });

  it("read an interval as Go writes it or as milliseconds", () => {
    expect(schema.parse({ interval: "100ms" }).interval).toBe(100);
    expect(schema.parse({ interval: 250 }).interval).toBe(250);
    expect(parseDurationMs("1m30s")).toBe(90_000);
    expect(parseDurationMs("1.5s")).toBe(1_500);
    expect(parseDurationMs("100")).toBeUndefined();
    expect(parseDurationMs("-1s")).toBeUndefined();
  });

  it.each([
    [{ interval: "soon" }, /^interval: must be a duration/],
    [{ interval: "0s" }, /^interval: must be a duration/],
    [{ interval: "2h" }, /^interval: must be a duration/],
    [{ interval: 0 }, /^interval: must be a duration/],
    [{ scheme: "ftp" }, /^scheme: /],
    [{ path: "metrics" }, /^path: must begin with/],
    [{ path: "/a b" }, /^path: must begin with/],
    [{ port: 70_000 }, /^port: /],
    [{ maxBodyBytes: 0 }, /^maxBodyBytes: /],
    [{ clientCertPath: "c.pem" }, /^clientKeyPath: is needed/],
    [{ clientKeyPath: "k.pem" }, /^clientCertPath: is needed/],
    [{ prot: 1 }, /prot/],
  ])("refuse %j and say where", (config, message) => {
    expect(issues(config)).toEqual([expect.stringMatching(message)]);
  });

  it("can be written as JSON Schema of what is typed in", () => {
    const written = z.toJSONSchema(schema, { io: "input" }) as { properties: Record<string, unknown> };
    expect(Object.keys(written.properties)).toContain("interval");
    expect(JSON.stringify(written.properties["interval"])).toContain("ns|us");
  });
});
