import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { routeTo } from "./fake-picker.ts";
import { createRig, deadAddress, until } from "./rig.ts";

const rig = createRig();
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rig.end();
});

const ENTRY = new URL("../dist/index.js", import.meta.url).href;

function run(...args: string[]) {
  const code = `import { main } from ${JSON.stringify(ENTRY)}; process.exitCode = await main(process.argv.slice(1));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code, "--", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output.stderr += chunk;
  });
  const exit = once(child, "close").then(([status]) => status as number);
  return { child, output, exit };
}

describe("pointsman gateway", () => {
  it("prints its address, serves, lets a running response end after SIGTERM, and exits with 0", async () => {
    let finish: (() => void) | undefined;
    const server = await rig.upstream((_, response) => {
      response.write("one");
      finish = () => response.end("two");
    });
    const picker = await rig.picker(routeTo(server.address));
    const { child, output, exit } = run("--port", "0", "--picker", picker.address);
    await until(() => output.stdout.includes("\n"));
    expect(output.stdout).toMatch(
      /^pointsman gateway listening on http:\/\/127\.0\.0\.1:\d+, picker 127\.0\.0\.1:\d+\n$/,
    );
    const [url] = /http:\S+:\d+/.exec(output.stdout)!;
    const response = await fetch(`${url}/v1`, { method: "POST", body: "{}" });
    child.kill("SIGTERM");
    await until(() => finish !== undefined);
    await expect(refusal(url!)).resolves.toBe(true);
    finish!();
    expect(await response.text()).toBe("onetwo");
    expect(await exit).toBe(0);
    expect(output.stderr).toBe("");
  });

  it("refuses an unknown flag with 2 and names the nearest", async () => {
    const { output, exit } = run("--pciker", "x:1");
    expect(await exit).toBe(2);
    expect(output.stderr).toContain("POINTSMAN_CLI_UNKNOWN_FLAG");
    expect(output.stderr).toContain("--picker");
  });

  it("exits with 69 if its port is taken, and with 2 for an address that is not its own", async () => {
    const taken = await rig.gateway({ picker: await deadAddress() });
    const first = run("--port", String(taken.port));
    expect(await first.exit).toBe(69);
    expect(first.output.stderr).toContain("POINTSMAN_SERVER_PORT_TAKEN");
    const second = run("--host", "192.0.2.1", "--port", "0");
    expect(await second.exit).toBe(2);
  });

  it("shows its flags with --help", async () => {
    const { output, exit } = run("--help");
    expect(await exit).toBe(0);
    expect(output.stdout).toContain("Usage: pointsman gateway [flags]");
  });
});

/** Waits until new connections are refused. */
async function refusal(url: string): Promise<boolean> {
  for (;;) {
    try {
      await fetch(`${url}/-/ready`, { headers: { connection: "close" } });
    } catch {
      return true;
    }
  }
}
