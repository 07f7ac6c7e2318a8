/** How long a list of 5 000 pods takes, and how long it keeps the event loop from everything else. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { follow } from "../src/follow.ts";
import { openCluster } from "../src/open-cluster.ts";
import { type KubernetesObject, pods } from "../src/resource.ts";

const PODS = 5_000;
const ROUNDS = 5;

/** About 4.6 KB of JSON, as pods of a model server have. */
const pod = (i: number): object => ({
  metadata: {
    name: `pod-${i}`,
    namespace: "default",
    labels: { app: "vllm" },
    annotations: { note: "x".repeat(1_500) },
    managedFields: [{ fields: "y".repeat(1_500) }],
  },
  spec: { containers: [{ name: "server", args: ["z".repeat(1_500)] }] },
  status: { podIP: `10.0.${i >> 8}.${i & 255}`, conditions: [{ type: "Ready", status: "True" }] },
});

if (isMainThread) await measure();
else serve();

/** In a thread of its own, so that only the follower's work is measured. */
function serve(): void {
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://localhost");
    if (searchParams.has("watch")) {
      response.writeHead(200).flushHeaders();
      return;
    }
    const from = Number(searchParams.get("continue") ?? 0);
    const to = Math.min(PODS, from + Number(searchParams.get("limit")));
    const metadata = { resourceVersion: "1", continue: to < PODS ? String(to) : "" };
    response.end(JSON.stringify({ metadata, items: Array.from({ length: to - from }, (_, i) => pod(from + i)) }));
  });
  server.listen(0, "127.0.0.1", () => parentPort!.postMessage((server.address() as AddressInfo).port));
}

async function measure(): Promise<void> {
  const worker = new Worker(new URL(import.meta.url));
  const port = await new Promise<number>((resolve) => worker.once("message", resolve));
  const folder = mkdtempSync(join(tmpdir(), "relist-"));
  const kubeconfig = join(folder, "kubeconfig");
  const cluster = { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true };
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      clusters: [{ name: "c", cluster }],
      users: [{ name: "u", user: {} }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    }),
  );
  const connection = await openCluster({ kubeconfig });
  for (const pageSize of [100, 250, PODS]) {
    const times: number[] = [];
    const blocked: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const abort = new AbortController();
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      const from = performance.now();
      await new Promise<void>((resolve) => {
        void follow<unknown>({
          cluster: connection,
          resource: pods("default"),
          read: ({ metadata, status }: KubernetesObject) => ({ labels: metadata.labels, status }),
          same: () => false,
          onChange: () => resolve(),
          onContact: () => {},
          signal: abort.signal,
          random: Math.random,
          sleep: () => Promise.resolve(),
          pageSize,
        });
      });
      times.push(performance.now() - from);
      // The last block shows only when the loop has gone round once more.
      await new Promise((resolve) => setTimeout(resolve, 20));
      delay.disable();
      blocked.push(delay.max / 1e6);
      abort.abort(new Error("done"));
    }
    const median = (values: number[]): string => [...values].sort((a, b) => a - b)[ROUNDS >> 1]!.toFixed(1);
    process.stdout.write(
      `${PODS} pods in pages of ${pageSize}: ${median(times)} ms; longest block of the event loop ${median(blocked)} ms (medians of ${ROUNDS})\n`,
    );
  }
  connection.close();
  await worker.terminate();
  rmSync(folder, { recursive: true, force: true });
}
