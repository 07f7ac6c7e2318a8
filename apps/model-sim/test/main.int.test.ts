import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { afterEach, describe, expect, it } from "vitest";

const entry = new URL("../dist/index.js", import.meta.url).href;
const script = `import(${JSON.stringify(entry)}).then(({ main }) => main(process.argv.slice(1))).then((code) => process.exit(code))`;
const children: ChildProcessWithoutNullStreams[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function run(...argv: string[]) {
  const child = spawn(process.execPath, ["-e", script, "--", ...argv]);
  children.push(child);
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += chunk));
  child.stderr.on("data", (chunk) => (output.stderr += chunk));
  const exit = new Promise<number | null>((resolve) => child.on("close", resolve));
  const lines = async (count: number): Promise<string[]> => {
    while (output.stdout.split("\n").length <= count)
      await new Promise((resolve) => child.stdout.once("data", resolve));
    return output.stdout.trimEnd().split("\n");
  };
  return { child, output, exit, lines };
}

describe("pointsman sim", () => {
  it("starts several servers, one line each, and drains on SIGTERM with code 0", async () => {
    const { child, exit, lines } = run("--servers", "3", "--port=0", "--ttft-ms", "200", "--name", "pod");
    const printed = await lines(3);
    const urls = printed.map((line) => /^pod-\d listening on (http:\S+)$/.exec(line)![1]!);
    expect(new Set(urls).size).toBe(3);
    const body = JSON.stringify({ model: "sim-model", prompt: "x" });
    const answer = fetch(`${urls[2]}/v1/completions`, { method: "POST", body });
    for (let seen = 0; seen === 0; ) {
      seen = ((await (await fetch(`${urls[2]}/sim/state`)).json()) as { requests: unknown[] }).requests.length;
    }
    child.kill("SIGTERM");
    expect((await answer).headers.get("x-sim-server")).toBe("pod-2");
    expect(await exit).toBe(0);
  });

  it("refuses a wrong flag with code 2 and a taken port with code 1, and shows its help", async () => {
    const wrong = run("--prot", "1");
    expect(await wrong.exit).toBe(2);
    expect(wrong.output.stderr).toContain("--prot");
    const first = run();
    const port = /:(\d+)$/.exec((await first.lines(1))[0]!)![1]!;
    const second = run("--port", port);
    expect(await second.exit).toBe(1);
    expect(second.output.stderr).toContain("EADDRINUSE");
    const help = run("--help");
    expect(await help.exit).toBe(0);
    expect(help.output.stdout).toContain("--max-num-seqs");
    first.child.kill("SIGINT");
    expect(await first.exit).toBe(0);
  });
});
