import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "./run-cli.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "pointsman-cli-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = join(dir, name);
  writeFileSync(file, text);
  return file;
}

const good = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- { type: file-discovery, parameters: { path: endpoints.yaml } }
- { type: queue-scorer }
dataLayer: { discovery: { pluginRef: file-discovery } }
`;

describe("pointsman", () => {
  it("lists its commands, and suggests one for a typo", async () => {
    const help = await runCli(["--help"]);
    expect(help.code).toBe(0);
    for (const command of ["serve", "gateway", "sim", "demo", "check", "why", "version"])
      expect(help.stdout).toContain(command);
    const typo = await runCli(["serv"]);
    expect(typo.code).toBe(2);
    expect(typo.stderr).toContain("serve");
  });

  it.each(["serve", "gateway", "sim", "demo", "check", "why"])("%s has a --help", async (command) => {
    const { code, stdout } = await runCli([command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`pointsman ${command}`);
  });

  it("prints its version", async () => {
    expect((await runCli(["version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("pointsman serve", () => {
  it("refuses wrong flags, all at once, with exit code 2", async () => {
    const { code, stderr } = await runCli([
      "serve",
      "--grpc-prot=1",
      "--metrics-port=x",
      "--trust-request-headers=objectiv",
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain("--grpc-prot");
    expect(stderr).toContain("--metrics-port");
    expect(stderr).toContain("--pool-name is missing");
    expect(stderr).toContain("objectiv");
  });

  it("ends with 78 for a wrong configuration and with 69 for a port that is taken", async () => {
    const file = write("bad.yaml", good.replace("queue-scorer", "queue-scorre"));
    const wrong = await runCli(["serve", "--pool-name=p", "--config-file", file]);
    expect(wrong.code).toBe(78);
    expect(wrong.stderr).toContain("POINTSMAN_PLUGIN_TYPE_UNKNOWN");
    expect(wrong.stderr).toContain("did you mean");

    const endpoints = write("one.yaml", "endpoints: [{ name: a, address: 127.0.0.1, port: '1' }]");
    const { createServer } = await import("node:net");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const args = [
      "serve",
      "--pool-name=p",
      "--host=127.0.0.1",
      "--endpoints-file",
      endpoints,
      `--metrics-port=${port}`,
    ];
    const taken = await runCli([...args, "--grpc-port=0", "--grpc-health-port=0", "--admin-port=0"]);
    server.close();
    expect(taken.code).toBe(69);
    expect(taken.stderr).toContain(`metrics port 127.0.0.1:${port}`);
  });
});

describe("pointsman check", () => {
  it("exits 0 for a good file, without and with running the plugins", async () => {
    const file = write("good.yaml", good);
    write("endpoints.yaml", "endpoints: [{ name: a, address: 127.0.0.1, port: '1' }]");
    expect((await runCli(["check", "--config-file", file], dir)).code).toBe(0);
    const loaded = await runCli(["check", "--config-file", file, "--load"], dir);
    expect(loaded.stderr).toBe("");
    expect(loaded.code).toBe(0);
  });

  it("lists every mistake with its place, as text and as JSON, and exits 78", async () => {
    const text = good.replace(
      "{ type: queue-scorer }",
      "{ type: load-aware-scorer, parameters: { treshold: 1 } }\n- { type: nonsense }",
    );
    const file = write("mistakes.yaml", text);
    const plain = await runCli(["check", "--config-file", file]);
    expect(plain.code).toBe(78);
    expect(plain.stderr).toContain(`${file}:`);
    const json = await runCli(["check", "--config-file", file, "--format", "json"]);
    expect(json.code).toBe(78);
    expect(json.stdout).toContain("POINTSMAN_PLUGIN_TYPE_UNKNOWN");
    const onlyParameters = write("parameters.yaml", text.replace("\n- { type: nonsense }", ""));
    const shape = await runCli(["check", "--config-file", onlyParameters]);
    expect(shape.code).toBe(78);
    expect(shape.stderr).toContain("treshold");
    expect(shape.stderr).toContain("did you mean");
  });

  it("--live says which endpoints cannot be reached", async () => {
    const file = write("live.yaml", good);
    const { code, stdout } = await runCli(
      ["check", "--config-file", file, "--live", "--for=700ms", "--format=json"],
      dir,
    );
    const report = JSON.parse(stdout);
    expect(code).toBe(69);
    expect(report.endpoints).toMatchObject([{ address: "127.0.0.1:1", reachable: false }]);
    expect(report.problems.join()).toContain("could not be scraped");
  });
});

describe("a plugin in a folder outside the repository", () => {
  it("without node_modules decides requests, named by path", async () => {
    const folder = join(dir, "my-scorer");
    mkdirSync(folder);
    writeFileSync(
      join(folder, "package.json"),
      JSON.stringify({
        name: "my-scorer",
        version: "0.1.0",
        type: "module",
        exports: "./index.js",
        peerDependencies: { "@pointsman/plugin-api": "^1.0.0" },
        pointsman: { manifest: 1, types: { "last-endpoint-scorer": { capabilities: ["scorer"] } } },
      }),
    );
    writeFileSync(
      join(folder, "index.js"),
      `import { definePlugin } from "@pointsman/plugin-api";
       export default definePlugin({ type: "last-endpoint-scorer", setup: () => ({ scorer: { score(request, candidates, scores) {
         for (let i = 0; i < candidates.length; i++) scores[i] = candidates[i].name === "sim-2" ? 1 : 0;
       } } }) });`,
    );
    const file = write(
      "outside.yaml",
      "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins:\n- { type: last-endpoint-scorer, package: ./my-scorer }\n",
    );
    const { code, stdout } = await runCli(["demo", "--once", "--config-file", file], dir);
    const served = /sim-2\s+(\d+)\s+100 %/.exec(stdout);
    expect(served?.[1], stdout).toBeDefined();
    expect(stdout).toContain("last-endpoint-scorer");
    // The demo's configuration has a model filter; this one has not, so all 60 are served… by the simulator's own 404.
    expect(code).toBe(0);
  });
});
