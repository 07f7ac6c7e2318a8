import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** From starting the process `pointsman serve` to "the endpoint picker is up", median of several runs. Targets: 1 s, and 1.5 s with 40 plugins. */

const RUNS = 7;
const cli = join(import.meta.dirname, "..", "..", "cli", "bin", "pointsman.js");
const dir = mkdtempSync(join(tmpdir(), "pointsman-bench-"));
writeFileSync(
  join(dir, "endpoints.yaml"),
  JSON.stringify({ endpoints: [{ name: "a", address: "127.0.0.1", port: "1" }] }),
);
const base = ["serve", "--pool-name", "bench", "--endpoints-file", join(dir, "endpoints.yaml"), "--host", "127.0.0.1"];
const ports = ["grpc", "grpc-health", "metrics", "admin"].map((name) => `--${name}-port=0`);

/** A configuration with this many instances of several types. */
function manyPlugins(count: number): string {
  const types = [
    "queue-scorer",
    "kv-cache-utilization-scorer",
    "load-aware-scorer",
    "active-request-scorer",
    "decode-filter",
  ];
  const plugins = Array.from({ length: count }, (_, i) => `- { name: p${i}, type: ${types[i % types.length]} }`);
  return ["apiVersion: llm-d.ai/v1alpha1", "kind: EndpointPickerConfig", "plugins:", ...plugins].join("\n");
}

async function start(more: readonly string[]): Promise<number> {
  const started = performance.now();
  const child = spawn(process.execPath, [cli, ...base, ...more, ...ports], { stdio: ["ignore", "ignore", "pipe"] });
  try {
    for await (const chunk of child.stderr) {
      if (String(chunk).includes("the endpoint picker is up")) return performance.now() - started;
    }
    throw new Error("the picker ended before it was up");
  } finally {
    child.kill("SIGKILL");
  }
}

async function measure(label: string, more: readonly string[]): Promise<void> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) times.push(await start(more));
  times.sort((a, b) => a - b);
  const [low, median, high] = [times[0]!, times[RUNS >> 1]!, times.at(-1)!].map((ms) => ms.toFixed(0));
  console.log(`config to ready, ${label}, self-signed TLS   ${median} ms (${low}–${high})`);
}

await measure("the built-in default", []);
await measure("40 more plugins", ["--config-text", manyPlugins(40)]);
rmSync(dir, { recursive: true });
