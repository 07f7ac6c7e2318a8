import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { afterEach, describe, expect, it } from "vitest";

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

const ENTRY = new URL("../dist/index.js", import.meta.url).href;

function run(...args: string[]) {
  const code = `import { main } from ${JSON.stringify(ENTRY)}; process.exitCode = await main(process.argv.slice(1));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code, "--", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += chunk));
  child.stderr.on("data", (chunk) => (output.stderr += chunk));
  const exit = once(child, "close").then(([status]) => status as number);
  return { child, output, exit };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("pointsman sidecar", () => {
  it("prints its address, lets a running answer end after SIGTERM, and exits with 0", async () => {
    let finish: (() => void) | undefined;
    const server = createServer((_, response) => {
      response.write("one");
      finish = () => response.end("two");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const { child, output, exit } = run("--port=0", `--model-server-port=${port}`, "--secure-proxy=false");
    await until(() => output.stdout.includes("\n"));
    const [url] = /http:\S+:\d+/.exec(output.stdout)!;
    const response = await fetch(`${url}/v1/completions`, { method: "POST", body: "{}" });
    child.kill("SIGTERM");
    await until(() => finish !== undefined);
    finish!();
    expect(await response.text()).toBe("onetwo");
    expect(await exit).toBe(0);
    // Without an allow-list it says so.
    expect(output.stderr).toContain("no allow-list of targets");
    server.close();
  });

  it("ends its start with an exit code and the flag's name when a value is wrong", async () => {
    const { output, exit } = run("--prefill-timeout=soon", "--enable-tls=foo", "--pots=1");
    expect(await exit).toBe(2);
    for (const text of ["--prefill-timeout", "--enable-tls", "--pots", "--port"]) expect(output.stderr).toContain(text);
  });

  it("exits with 69 when its port is taken", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const { port } = server.address() as { port: number };
    const { output, exit } = run(`--port=${port}`, "--secure-proxy=false");
    expect(await exit).toBe(69);
    expect(output.stderr).toContain("POINTSMAN_SERVER_PORT_TAKEN");
    server.close();
  });

  it("lists every flag in its help", async () => {
    const { output, exit } = run("--help");
    expect(await exit).toBe(0);
    expect(output.stdout).toContain("--fallback-to-decode");
  });
});
