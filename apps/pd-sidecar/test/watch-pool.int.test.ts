import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSelfSignedIdentity } from "@pointsman/ext-proc/self-signed";
import { createLogger } from "@pointsman/telemetry";
import { afterEach, describe, expect, it } from "vitest";
import { inClusterApi, type KubernetesApi } from "../src/ssrf/kubernetes-api.ts";
import { watchPool } from "../src/ssrf/watch-pool.ts";

const log = createLogger({ level: "silent" });
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const task of cleanups.splice(0).reverse()) task();
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const podOf = (name: string, ip: string) => ({
  metadata: { name },
  status: { podIP: ip, podIPs: [{ ip }, { ip: "FD00::1" }] },
});

/** An API server with one pool, as much of it as a watch meets: TLS, a token, lists and a stream of events. */
class ApiServer {
  readonly seen: string[] = [];
  readonly watches: ServerResponse[] = [];
  pods = [podOf("prefill-0", "10.0.0.1")];
  isDown = false;
  #server!: Server;

  async start(): Promise<KubernetesApi> {
    const { key, cert } = createSelfSignedIdentity();
    this.#server = createServer({ key, cert }, (request, response) => {
      const url = request.url!;
      this.seen.push(url);
      if (this.isDown || request.headers.authorization !== "Bearer t") return void response.writeHead(403).end();
      if (url.includes("watch=true")) {
        response.writeHead(200).flushHeaders();
        this.watches.push(response);
        return;
      }
      const pool = {
        apiVersion: "inference.networking.k8s.io/v1",
        spec: { selector: { matchLabels: { app: "vllm", x: "1" } } },
      };
      response.end(
        JSON.stringify(url.includes("/pods") ? { metadata: { resourceVersion: "7" }, items: this.pods } : pool),
      );
    });
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    cleanups.push(() => {
      this.#server.close();
      this.#server.closeAllConnections();
    });
    const { port } = this.#server.address() as { port: number };
    const folder = mkdtempSync(join(tmpdir(), "pointsman-sidecar-"));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "ca.crt"), cert);
    writeFileSync(join(folder, "token"), "t\n");
    return inClusterApi({ KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(port) }, folder)!;
  }

  tell(type: string, object: object): void {
    const line = `${JSON.stringify({ type, object })}\n`;
    // In two pieces, as the network may cut it.
    this.watches.at(-1)!.write(line.slice(0, 10));
    this.watches.at(-1)!.write(line.slice(10));
  }
}

const pool = { namespace: "ns", name: "p", group: "inference.networking.k8s.io" };

describe("a pool that is followed", () => {
  it("allows the pods that are there, those that come, and no longer those that have gone", async () => {
    const server = new ApiServer();
    const api = await server.start();
    const hosts = watchPool({ api, pool, log, backOffMs: 5 });
    cleanups.push(() => hosts.close());
    await until(() => server.watches.length === 1);
    expect(["prefill-0", "10.0.0.1", "fd00::1", "10.0.0.2"].map((host) => hosts.has(host))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(server.seen).toEqual([
      "/apis/inference.networking.k8s.io/v1/namespaces/ns/inferencepools/p",
      "/api/v1/namespaces/ns/pods?labelSelector=app%3Dvllm%2Cx%3D1",
      expect.stringContaining("&watch=true&allowWatchBookmarks=true&resourceVersion=7"),
    ]);
    server.tell("ADDED", podOf("prefill-1", "10.0.0.2"));
    await until(() => hosts.has("10.0.0.2"));
    server.tell("MODIFIED", podOf("prefill-1", "10.0.0.3"));
    await until(() => hosts.has("10.0.0.3"));
    expect(hosts.has("10.0.0.2")).toBe(false);
    server.tell("DELETED", podOf("prefill-0", "10.0.0.1"));
    await until(() => !hosts.has("10.0.0.1"));
    // The version is too old: everything is listed anew.
    server.tell("ERROR", { code: 410 });
    await until(() => server.watches.length === 2 && hosts.has("10.0.0.1"));
  });

  it("keeps the last good set while the API server is away, and comes back", async () => {
    const server = new ApiServer();
    const api = await server.start();
    const hosts = watchPool({ api, pool, log, backOffMs: 5, resyncMs: 50 });
    cleanups.push(() => hosts.close());
    await until(() => hosts.has("10.0.0.1"));
    server.isDown = true;
    const seen = server.seen.length;
    await until(() => server.seen.length > seen + 3);
    expect(hosts.has("10.0.0.1")).toBe(true);
    server.pods = [podOf("prefill-9", "10.0.0.9")];
    server.isDown = false;
    await until(() => hosts.has("10.0.0.9") && !hosts.has("10.0.0.1"));
  });

  it("asks v1alpha2 in the experimental group, and stops when it is closed", async () => {
    const server = new ApiServer();
    const api = await server.start();
    const group = "inference.networking.x-k8s.io";
    const hosts = watchPool({ api, pool: { ...pool, group }, log, backOffMs: 5, resyncMs: 20 });
    await until(() => server.seen.length > 0);
    hosts.close();
    expect(server.seen[0]).toBe(`/apis/${group}/v1alpha2/namespaces/ns/inferencepools/p`);
    await new Promise((resolve) => setTimeout(resolve, 30));
    const seen = server.seen.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.seen.length).toBe(seen);
  });

  it("is not looked for outside of a cluster", () => {
    expect(inClusterApi({})).toBeUndefined();
    expect(
      inClusterApi({ KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: "1" }, "/nowhere"),
    ).toBeUndefined();
  });
});
