import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createExtProcClient } from "@pointsman/ext-proc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installTool, pnpm } from "../compat/harness/install-tool.ts";
import { machineEnvironment, runToSuccess } from "../compat/harness/run-command.ts";
import { root } from "./harness/render.ts";

const dockerfile = readFileSync(join(root, "deploy/docker/Dockerfile"), "utf8");

/** The command by which Dockerfile and README make the folder, with another folder. */
const flags = ["--config.inject-workspace-packages=true", "--filter", "pointsman", "deploy", "--prod"];

let folder: string;
let deployed: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-deployed-"));
  deployed = join(folder, "app");
  const program = join(await installTool(pnpm), "bin", "pnpm.cjs");
  await runToSuccess([process.execPath, program, ...flags, deployed], { cwd: root, env: machineEnvironment() });
}, 240_000);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs `pointsman` of the folder, as an image does: from elsewhere, with an environment that says next to nothing. */
const start = (args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [join(deployed, "bin/pointsman.js"), ...args], {
    cwd: folder,
    env: { NODE_ENV: "production" },
    stdio: ["ignore", "ignore", "pipe"],
  });

describe("the folder that images are made of", () => {
  it("is made by the command that the Dockerfile and its README tell", () => {
    const command = `pnpm ${flags.join(" ")} build/pointsman`;
    expect(dockerfile).toContain(command);
    expect(readFileSync(join(root, "deploy/docker/README.md"), "utf8")).toContain(command);
  });

  it("refers to nothing outside itself, and holds neither sources nor tests of ours", () => {
    const own: string[] = [];
    const visit = (dir: string): void => {
      for (const entry of readdirSync(dir, { withFileTypes: true })) {
        const path = join(dir, entry.name);
        if (entry.isSymbolicLink()) expect(statSync(path), path).toBeDefined();
        else if (entry.isDirectory()) visit(path);
        else if (path.includes("/@pointsman/")) own.push(path);
      }
    };
    visit(deployed);
    expect(own.length).toBeGreaterThan(100);
    expect(own.filter((path) => /\/(src|test|bench)\//.test(path.replace(/.*\/@pointsman\//, "/")))).toEqual([]);
    const links = execFileSync("find", [deployed, "-type", "l", "-printf", "%l\n"], { encoding: "utf8" });
    expect(links.split("\n").filter((target) => target.startsWith("/"))).toEqual([]);
  });

  it("serves requests without writing into itself, and ends when it is told to", async () => {
    const marker = join(folder, "marker");
    writeFileSync(marker, "");
    const endpoints = join(folder, "endpoints.yaml");
    writeFileSync(endpoints, JSON.stringify({ endpoints: [{ name: "a", address: "127.0.0.1", port: "1" }] }));
    const ports = ["grpc", "grpc-health", "metrics", "admin"].map((name) => `--${name}-port=0`);
    const child = start([
      "serve",
      "--pool-name=deployed",
      "--host=127.0.0.1",
      "--secure-serving=false",
      `--endpoints-file=${endpoints}`,
      ...ports,
    ]);
    const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
    const lines: string[] = [];
    let grpc: number | undefined;
    for await (const line of createInterface({ input: child.stderr! })) {
      lines.push(line);
      if (!line.includes("the endpoint picker is up")) continue;
      grpc = (JSON.parse(line) as { ports: { grpc: number } }).ports.grpc;
      break;
    }
    expect(grpc, lines.join("\n")).toBeDefined();
    const client = createExtProcClient({ address: `127.0.0.1:${grpc}` });
    const stream = client.open();
    stream.send({
      kind: "request_headers",
      headers: [
        [":method", "POST"],
        [":path", "/v1/completions"],
      ],
      endOfStream: false,
      protocolConfig: { requestBody: "BUFFERED", responseBody: "NONE", sendBodyWithoutWaiting: false },
    });
    stream.send({ kind: "request_body", body: Buffer.from('{"model":"m","prompt":"p"}'), endOfStream: true });
    stream.halfClose();
    const headers: string[] = [];
    for await (const { setHeaders = [] } of stream) headers.push(...setHeaders.map(([, value]) => value));
    expect(headers).toContain("127.0.0.1:1");
    client.close();
    child.kill("SIGTERM");
    expect(await exited).toBe(0);
    expect(execFileSync("find", [deployed, "-newer", marker], { encoding: "utf8" })).toBe("");
  });
});

describe("the Dockerfile", () => {
  const targets = [...dockerfile.matchAll(/^FROM base AS (\S+)\n(?:EXPOSE (.*)\n)?CMD (\[.*\])$/gm)].map(
    ([, target, ports = "", command]) => ({
      target: target!,
      ports: ports.split(" ").map(Number),
      args: JSON.parse(command!) as string[],
    }),
  );

  it("has a target for each app, the picker last, where none is named", () => {
    expect(targets.map(({ target }) => target)).toEqual(["gateway", "model-sim", "sidecar", "epp"]);
  });

  it("begins with a file of the folder, which it also puts on the PATH", () => {
    const [, entry] = /^ENTRYPOINT \["node", "\/app\/(.*)"\]$/m.exec(dockerfile)!;
    expect(existsSync(join(deployed, entry!))).toBe(true);
    expect(dockerfile).toContain(`ln -s /app/${entry} /usr/local/bin/pointsman`);
  });

  it("names subcommands, flags and ports that there are", () => {
    const help = execFileSync(process.execPath, [join(deployed, "bin/pointsman.js"), "--help"], { encoding: "utf8" });
    for (const { target, ports, args } of targets) {
      const [subcommand, ...own] = args;
      // The side-car is an app of its own and may not be in this build.
      if (target === "sidecar" && !/^ +sidecar /m.test(help)) {
        console.warn("NOT TESTED: the target sidecar: this build of pointsman has no such subcommand");
        continue;
      }
      const text = execFileSync(process.execPath, [join(deployed, "bin/pointsman.js"), subcommand!, "--help"], {
        encoding: "utf8",
      });
      for (const flag of own) expect(text, `${target} ${flag}`).toContain(flag.split("=")[0]!);
      const said = `${text} ${own.join(" ")}`;
      for (const port of ports) expect(said, `${target} listens on ${port}`).toContain(String(port));
    }
  });
});
