import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { API_VERSION, definePlugin } from "../src/index.ts";
import { openPlugin } from "../src/internal.ts";

const root = join(import.meta.dirname, "..");
const setup = () => ({});

describe("definePlugin", () => {
  it("makes a frozen value that only openPlugin() looks into, stamped with the API version", () => {
    const plugin = definePlugin({ type: "example-scorer", aliases: ["old-scorer"], setup });
    expect(Object.isFrozen(plugin)).toBe(true);
    const opened = openPlugin(plugin);
    if (typeof opened !== "object") throw new Error("did not open");
    expect(opened.apiVersion).toBe(API_VERSION);
    expect(opened.spec.type).toBe("example-scorer");
    expect(Object.isFrozen(opened.spec)).toBe(true);
  });

  it("is not affected by later changes of what it was given", () => {
    const spec = { type: "example-scorer", setup };
    const plugin = definePlugin(spec);
    spec.type = "changed";
    expect(openPlugin(plugin)).toMatchObject({ spec: { type: "example-scorer" } });
  });

  it.each(["", "QueueScorer", "queue_scorer", "-queue", "queue-", "queue--scorer", "queue scorer"])(
    "refuses the type %j",
    (type) => {
      expect(() => definePlugin({ type, setup })).toThrow(`definePlugin: type "${type}" must be kebab-case`);
    },
  );

  it("refuses a definition without setup", () => {
    expect(() => definePlugin({ type: "example-scorer" } as never)).toThrow(
      "definePlugin: example-scorer has no setup function",
    );
  });
});

describe("openPlugin", () => {
  it.each([undefined, null, 1, "plugin", {}, [], setup, { $$type: "pointsman/attribute" }])(
    "does not take %j for a plugin",
    (value) => {
      expect(openPlugin(value)).toBeUndefined();
    },
  );

  it("says so when a plugin value is of a version it does not know", () => {
    expect(openPlugin({ $$type: "pointsman/plugin", version: "v2" })).toBe(
      "plugin values of version v2 are not known to this host",
    );
  });
});

describe("the version of the API", () => {
  it("is the version of the package", () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    expect(API_VERSION).toBe(version);
  });
});

describe("a second copy of the package", () => {
  const folder = mkdtempSync(join(tmpdir(), "plugin-api-copy-"));
  cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true });
  cpSync(join(root, "package.json"), join(folder, "package.json"));
  const load = createRequire(import.meta.url);
  afterAll(() => rmSync(folder, { recursive: true }));

  it("defines plugins that this copy opens", () => {
    const copy: typeof import("../src/index.ts") = load(join(folder, "dist/index.js"));
    expect(copy.definePlugin).not.toBe(definePlugin);
    const opened = openPlugin(copy.definePlugin({ type: "foreign-scorer", setup }));
    expect(opened).toMatchObject({ version: "v1", apiVersion: API_VERSION, spec: { type: "foreign-scorer" } });
  });

  it("defines attributes that mean the same", async () => {
    const copy: typeof import("../src/keys.ts") = load(join(folder, "dist/keys.js"));
    const own = await import("../src/keys.ts");
    expect(copy.WaitingRequests).not.toBe(own.WaitingRequests);
    expect(copy.WaitingRequests).toEqual(own.WaitingRequests);
  });
});
