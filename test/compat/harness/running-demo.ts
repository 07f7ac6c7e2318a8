import { spawn } from "node:child_process";
import { join } from "node:path";
import type { World } from "./world.ts";

const START_MS = 30_000;
const MODEL = "demo-model";

/** `pointsman demo` as it runs at an operator: simulated servers, the picker, and the gateway in front of it. */
export interface RunningDemo {
  /** Sends one request through the gateway. @returns the line that tells how it was decided */
  decide(): Promise<string>;
  /** Version of the package that an instance was made from, as `/debug/plugins` tells it. */
  pluginVersion(instance: string): Promise<string | undefined>;
  /** Asks it to end, and waits. @returns its exit code */
  stop(): Promise<number | null>;
}

/** Starts it in the folder of a host, and waits until it takes requests. */
export async function startDemo(dir: string, config: string, { registry }: World): Promise<RunningDemo> {
  const bin = join(dir, "node_modules", "pointsman", "bin", "pointsman.js");
  const argv = [bin, "demo", "--port=0", "--admin-port=0", "--config-file", config];
  const child = spawn(process.execPath, argv, { cwd: dir, env: registry.env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const ended = new Promise<number | null>((done) => child.once("close", done));
  const stop = (): Promise<number | null> => {
    if (child.exitCode === null) child.kill("SIGTERM");
    return ended;
  };

  async function see(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    const deadline = Date.now() + START_MS;
    for (;;) {
      const seen = pattern.exec(output.slice(from));
      if (seen !== null) return seen;
      if (child.exitCode !== null || Date.now() > deadline) {
        await stop();
        throw new Error(`pointsman demo did not say ${pattern}:\n${output}`);
      }
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  const proxy = (await see(/^proxy +(http:\S+)$/m))[1]!;
  const admin = (await see(/(http:\S+)\/debug\/decisions$/m))[1]!;
  return {
    async decide() {
      const before = output.length;
      const response = await fetch(`${proxy}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: MODEL, max_tokens: 4, messages: [{ role: "user", content: "hello" }] }),
      });
      const body = await response.text();
      if (!response.ok) throw new Error(`the gateway answered ${response.status}: ${body}\n${output}`);
      return (await see(new RegExp(`^.* ${MODEL} +→ sim-\\d .*$`, "m"), before))[0];
    },
    async pluginVersion(instance) {
      const response = await fetch(`${admin}/debug/plugins`);
      const { plugins } = (await response.json()) as { plugins: { name: string; version: string }[] };
      return plugins.find(({ name }) => name === instance)?.version;
    },
    stop,
  };
}
