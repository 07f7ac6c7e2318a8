import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { installPackage, type PackageOptions, putFiles, putPackage, temporaryFolder } from "./plugin-folder.ts";
import { runCli } from "./run-cli.ts";

const workspace = join(import.meta.dirname, "..", "..", "..");

function definition(config: string): string {
  return `import { definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";
export default definePlugin({
  type: "tenant-scorer",
  description: "Prefers one tenant",
  config: ${config},
  setup: () => ({ scorer: { score() {} } }),
});
`;
}

const tenant: PackageOptions = {
  name: "@acme/tenant",
  types: {
    "tenant-scorer": {
      capabilities: ["scorer"],
      description: "Prefers one tenant",
      configSchema: "./schema/tenant-scorer.json",
    },
  },
  code: definition('z.strictObject({ tenant: z.string().default("all").describe("Whom to prefer.") })'),
};

/** A package as its author has it: with Zod, and without a copy of the plugin API, which the host lends. */
function authorsFolder(options: PackageOptions = tenant): string {
  const dir = putPackage(temporaryFolder(), options);
  putFiles(dir, { "node_modules/.keep": "" });
  symlinkSync(join(workspace, "plugins", "scorer-load", "node_modules", "zod"), join(dir, "node_modules", "zod"));
  return dir;
}

describe("pointsman docs", () => {
  it("writes schema and table, finds them up to date, and stale after the code has changed", async () => {
    const dir = authorsFolder();
    putFiles(dir, { "README.md": "# Tenant\n\n<!-- options:start -->\n<!-- options:end -->\n\nMore.\n" });
    const first = await runCli(["docs"], dir);
    expect(first).toEqual({ code: 0, stdout: "updated: schema/tenant-scorer.json\nupdated: README.md\n", stderr: "" });
    expect(JSON.parse(readFileSync(join(dir, "schema", "tenant-scorer.json"), "utf8"))).toMatchObject({
      properties: { tenant: { type: "string", default: "all", description: "Whom to prefer." } },
    });
    expect(readFileSync(join(dir, "README.md"), "utf8")).toMatch(
      /\| `tenant` \| string \| `"all"` \| Whom to prefer. \|[\s\S]*More\.\n$/,
    );
    expect(await runCli(["docs", "--check"], dir)).toEqual({ code: 0, stdout: "", stderr: "" });

    writeFileSync(join(dir, "index.js"), definition("z.strictObject({ tenant: z.string() })"));
    const before = readFileSync(join(dir, "README.md"), "utf8");
    const stale = await runCli(["docs", "--check", dir], workspace);
    expect(stale.code).toBe(1);
    expect(stale.stdout).toMatch(/^stale: .*schema\/tenant-scorer\.json\nstale: .*README\.md\n$/);
    expect(readFileSync(join(dir, "README.md"), "utf8")).toBe(before);
  });

  it("fails with the place of what JSON Schema cannot say, and leaves the README alone", async () => {
    const code = definition("z.strictObject({ window: z.strictObject({ from: z.date() }) })");
    const dir = authorsFolder({ ...tenant, code });
    const { code: exit, stderr, stdout } = await runCli(["docs"], dir);
    expect(exit).toBe(78);
    expect(stderr).toContain("POINTSMAN_PLUGIN_CONFIG_SCHEMA_INVALID");
    expect(stderr).toContain("window.from: Date cannot be represented in JSON Schema");
    expect(stdout).toBe("");
    expect(existsSync(join(dir, "README.md"))).toBe(false);
  });

  it("goes on with the other folders after one that is broken, and reports all problems", async () => {
    const unbuilt = putPackage(temporaryFolder(), { ...tenant, name: "unbuilt" });
    putFiles(unbuilt, {
      "package.json": {
        ...JSON.parse(readFileSync(join(unbuilt, "package.json"), "utf8")),
        exports: { ".": "./dist/index.js" },
      },
    });
    const throwing = authorsFolder({ ...tenant, name: "throwing", code: 'throw new Error("at import");' });
    const escaping = authorsFolder({
      ...tenant,
      types: { "tenant-scorer": { capabilities: ["scorer"], configSchema: "../outside.json", writes: ["acme/x@1"] } },
    });
    const plain = putFiles(temporaryFolder(), { "package.json": { name: "plain" } });
    const good = authorsFolder();
    const folders = [unbuilt, throwing, escaping, plain, good];
    const { code, stdout, stderr } = await runCli(["docs", ...folders], workspace);
    expect(code).toBe(78);
    expect(stderr).toContain("Build the package first");
    expect(stderr).toContain("throwing cannot be imported: at import");
    expect(stderr).toContain("configSchema must be a .json file of the package");
    expect(stderr).toContain("types.tenant-scorer.writes is [acme/x@1], the code says [].");
    expect(stderr).toContain('plain has no "pointsman" section');
    expect(stdout).toContain(join(good.split("/").at(-1) ?? "", "schema", "tenant-scorer.json"));
    expect(existsSync(join(escaping, "..", "outside.json"))).toBe(false);
  });
});

describe("pointsman schema", () => {
  it("writes the schema to a file and says how a configuration refers to it", async () => {
    const folder = putFiles(temporaryFolder(), {
      "config/pointsman.config.yaml": "not: { yet: right }",
      "out/.keep": "",
    });
    installPackage(folder, { ...tenant, code: undefined as never });
    const args = ["schema", "--config-file", "config/pointsman.config.yaml", "--out", "out/schema.json"];
    const { code, stdout, stderr } = await runCli(args, folder);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain("# yaml-language-server: $schema=../out/schema.json\n");
    const text = readFileSync(join(folder, "out", "schema.json"), "utf8");
    expect(JSON.parse(text).properties.plugins.items.else.properties.type.enum).toEqual(
      expect.arrayContaining(["tenant-scorer", "queue-scorer", "session-aware-scorer"]),
    );
    const printed = await runCli(args.slice(0, 3), folder);
    expect(printed.stdout).toBe(text);
    expect((await runCli([...args, "--hint"], folder)).stdout).toBe(
      "# yaml-language-server: $schema=../out/schema.json\n",
    );
  });

  it("says that the file cannot be written", async () => {
    const { code, stderr } = await runCli(["schema", "--out", "none/schema.json"], temporaryFolder());
    expect(code).toBe(2);
    expect(stderr).toContain("--out: none/schema.json cannot be written.");
  });
});

describe("pointsman plugins", () => {
  it("lists what a folder and the host have, as text and as JSON, though the configuration is wrong", async () => {
    const folder = putFiles(temporaryFolder(), { "pointsman.config.yaml": "plugins: 3" });
    installPackage(folder, {
      name: "@acme/tenant",
      api: "^2.0.0",
      types: { "tenant-scorer": { capabilities: ["scorer"] } },
    });
    const text = await runCli(["plugins", "list"], folder);
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(
      /^the configuration's folder \(.*\)\n\n {2}@acme\/tenant 1\.0\.0 {2}plugin API \^2\.0\.0, unusable\n/,
    );
    const json = JSON.parse((await runCli(["plugins", "list", "--format", "json"], folder)).stdout);
    expect(json.packages[0]).toMatchObject({ name: "@acme/tenant", compatible: false, base: { dir: folder } });
    expect(json.packages.find(({ name }: { name: string }) => name === "@pointsman/plugin-scorer-load")).toMatchObject({
      compatible: true,
      base: { label: "the host" },
      types: expect.arrayContaining([expect.objectContaining({ type: "queue-scorer", capabilities: ["scorer"] })]),
    });
  });

  it("tells about a type by its alias, from a --plugin-root too", async () => {
    const elsewhere = temporaryFolder();
    installPackage(elsewhere, {
      name: "mine",
      types: { "mine-scorer": { capabilities: ["scorer"], aliases: ["mine"] } },
    });
    const { stdout, code } = await runCli(["plugins", "info", "mine", "--plugin-root", elsewhere], temporaryFolder());
    expect(code).toBe(0);
    expect(stdout).toMatch(/^mine-scorer\n/);
    expect(stdout).toContain("This type takes no parameters.");
    const json = await runCli(["plugins", "info", "load-aware-scorer", "--format=json"], elsewhere);
    expect(JSON.parse(json.stdout)).toMatchObject({
      options: [{ name: "threshold", type: "integer > 0", fallback: "128" }],
    });
  });

  it("suggests types that exist for a typo, and never a command to install one", async () => {
    const { code, stderr, stdout } = await runCli(["plugins", "info", "queue-scoer"], temporaryFolder());
    expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
    expect(stderr).toMatch(/did you mean\s+queue-scorer\n/);
    expect(stderr).not.toMatch(/\binstall\b|plugins add|npm/i);
  });

  it.each([
    [["plugins"], "Usage: pointsman plugins list"],
    [["plugins", "lst"], "did you mean"],
    [["plugins", "info"], "Exactly one TYPE is needed."],
    [["plugins", "list", "more"], "more is too much here."],
    [["plugins", "add", "x", "--registry", "nowhere"], "--registry must be an http or https URL."],
    [["plugins", "add", "--", "--global"], "is no npm package name and no path"],
  ])("refuses %j with exit code 2", async (args, message) => {
    const { code, stderr } = await runCli(args, temporaryFolder());
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("pointsman plugins add", () => {
  /** No test may ask a registry: npm is told to stay offline. */
  function offline(): void {
    vi.stubEnv("npm_config_offline", "true");
    vi.stubEnv("npm_config_update_notifier", "false");
  }

  it("installs a package folder beside the configuration and tells what it provides", async () => {
    offline();
    const folder = putFiles(temporaryFolder(), { "etc/pointsman.config.yaml": "plugins: []" });
    putPackage(join(folder, "my-plugin"), { name: "my-plugin", types: { "my-scorer": { capabilities: ["scorer"] } } });
    const args = ["plugins", "add", "file:./my-plugin", "--config-file", "etc/pointsman.config.yaml"];
    const dry = await runCli([...args, "--dry-run"], folder);
    expect(dry.stderr).toContain(`in ${join(folder, "etc")}: npm install`);
    expect(existsSync(join(folder, "etc", "node_modules"))).toBe(false);
    const { code, stdout, stderr } = await runCli(args, folder);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toContain("my-plugin 1.0.0 is installed");
    expect(stdout).toContain("It provides my-scorer (scorer).");
    expect(existsSync(join(folder, "etc", "node_modules", "my-plugin", "package.json"))).toBe(true);
    expect(existsSync(join(folder, "node_modules"))).toBe(false);
    const listed = await runCli(["plugins", "info", "my-scorer", "--config-file", "etc/pointsman.config.yaml"], folder);
    expect(listed.stdout).toContain("my-plugin 1.0.0");
  });

  it("leaves a package that cannot be used installed, names it and exits 78", async () => {
    offline();
    const folder = temporaryFolder();
    // Outside of the folder: npm then links it and does not look for its peers.
    const elsewhere = temporaryFolder();
    const types = { "next-scorer": { capabilities: ["scorer"] } };
    putPackage(join(elsewhere, "next"), { name: "next", api: "^2.0.0", types });
    putPackage(join(elsewhere, "plain"), { name: "plain" });
    const next = await runCli(["plugins", "add", join(elsewhere, "next")], folder);
    expect(next.stderr).toContain(`next is installed in ${folder}, but cannot be used:`);
    expect(next.stderr).toContain("POINTSMAN_PLUGIN_API_MISMATCH");
    expect(next.code).toBe(78);
    const plain = await runCli(["plugins", "add", join(elsewhere, "plain"), "--format=json"], folder);
    expect(JSON.parse(plain.stdout)).toMatchObject({ diagnostics: [{ code: "POINTSMAN_PLUGIN_MANIFEST_MISSING" }] });
    expect(plain.code).toBe(78);
    for (const name of ["next", "plain"]) expect(existsSync(join(folder, "node_modules", name))).toBe(true);
  });

  it("passes on what npm says when there is no such package, and exits 69", async () => {
    offline();
    const { code, stderr } = await runCli(["plugins", "add", "pointsman-no-such-package"], temporaryFolder());
    expect(code).toBe(69);
    expect(stderr).toContain("ENOTCACHED");
    expect(stderr).toContain("npm ended with code 1; nothing was added.");
  });
});
