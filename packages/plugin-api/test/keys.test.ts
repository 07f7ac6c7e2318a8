import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { capabilityNames } from "../src/index.ts";
import * as keys from "../src/keys.ts";

const source = join(import.meta.dirname, "../src");

describe("the standard keys", () => {
  it("have unique ids below the owner pointsman", () => {
    const ids = Object.values(keys).map(({ key }) => key);
    expect(ids.length).toBeGreaterThan(10);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^pointsman\/[a-z-]+@\d+$/);
  });

  it("say what attributes measure, and how long a value counts", () => {
    for (const key of Object.values(keys)) {
      if (key.$$type !== "pointsman/attribute") continue;
      expect(key.description, key.key).toMatch(/\.$/);
      expect(key.unit, key.key).not.toBe("");
      // Values of a request and live counters are exact until they are replaced; scraped ones age.
      if (key.scope === "request") expect(key.maxAgeMs, key.key).toBe(Number.POSITIVE_INFINITY);
    }
  });

  it("can be imported without any effect on the process", () => {
    const state = () => ({
      globals: Reflect.ownKeys(globalThis).map(String),
      listeners: process.eventNames().map((name) => [String(name), process.listenerCount(name)]),
      timers: process.getActiveResourcesInfo().filter((name) => name === "Timeout").length,
    });
    const before = state();
    const built: typeof keys = createRequire(import.meta.url)("../dist/keys.js");
    expect(built.WaitingRequests.key).toBe(keys.WaitingRequests.key);
    expect(state()).toEqual(before);
  });
});

describe("the package", () => {
  it("imports nothing but its own files", () => {
    for (const file of readdirSync(source)) {
      for (const [, specifier] of readFileSync(join(source, file), "utf8").matchAll(/\bfrom "([^"]+)";$/gm)) {
        expect(specifier, file).toMatch(/^\.\/[a-z-]+\.ts$/);
      }
    }
  });

  it("lists every capability once", () => {
    expect(new Set(capabilityNames).size).toBe(capabilityNames.length);
    expect(Object.isFrozen(capabilityNames)).toBe(true);
  });
});
