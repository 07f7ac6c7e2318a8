import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** From starting the process `pointsman serve` to "the endpoint picker is up", median of several runs. Target: 1 s. */

const RUNS = 7;
const cli = join(import.meta.dirname, "..", "..", "cli", "bin", "pointsman.js");
const dir = mkdtempSync(join(tmpdir(), "pointsman-bench-"));
writeFileSync(
  join(dir, "endpoints.yaml"),
  JSON.stringify({ endpoints: [{ name: "a", address: "127.0.0.1", port: "1" }] }),
);
const args = ["serve", "--pool-name", "bench", "--endpoints-file", join(dir, "endpoints.yaml"), "--host", "127.0.0.1"];
const ports = ["grpc", "grpc-health", "metrics", "admin"].map((name) => `--${name}-port=0`);

async function start(): Promise<number> {
  const started = performance.now();
  const child = spawn(process.execPath, [cli, ...args, ...ports], { stdio: ["ignore", "ignore", "pipe"] });
  try {
    for await (const chunk of child.stderr) {
      if (String(chunk).includes("the endpoint picker is up")) return performance.now() - started;
    }
    throw new Error("the picker ended before it was up");
  } finally {
    child.kill("SIGKILL");
  }
}

const times: number[] = [];
for (let run = 0; run < RUNS; run += 1) times.push(await start());
times.sort((a, b) => a - b);
rmSync(dir, { recursive: true });
console.log(
  `config to ready, 12 plugins, self-signed TLS   ${times[RUNS >> 1]!.toFixed(0)} ms (${times[0]!.toFixed(0)}–${times.at(-1)!.toFixed(0)})`,
);
