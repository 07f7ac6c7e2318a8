import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, openCluster } from "../src/open-cluster.ts";
import { pods } from "../src/resource.ts";

const attempt = { verb: "list", resource: pods("default") };
let server: Server;
let folder: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let cluster: Cluster;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "kubernetes-client-"));
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const file = join(folder, "kubeconfig");
  const url = `http://127.0.0.1:${port}/prefix`;
  writeFileSync(
    file,
    JSON.stringify({
      clusters: [{ name: "c", cluster: { server: url, "insecure-skip-tls-verify": true } }],
      users: [{ name: "u", user: { token: "secret-token" } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "llm" } }],
      "current-context": "x",
    }),
  );
  cluster = await openCluster({ kubeconfig: file });
});
afterEach(() => server.closeAllConnections());
afterAll(() => {
  cluster?.close();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const call = (more: object = {}) => cluster.call({ attempt, path: "/api/v1/namespaces/default/pods", ...more });

describe("a cluster", () => {
  it("sends credentials, the path behind the server's prefix, and a query", async () => {
    let seen: [string | undefined, string | undefined] | undefined;
    answer = (request, response) => {
      seen = [request.url, request.headers.authorization];
      response.end('{"items":[]}');
    };
    expect(await call({ query: { limit: "5" } })).toEqual({ items: [] });
    expect(seen).toEqual(["/prefix/api/v1/namespaces/default/pods?limit=5", "Bearer secret-token"]);
    expect(cluster.namespace).toBe("llm");
  });

  it("says what is missing when it is refused, without the token", async () => {
    answer = (_, response) => response.writeHead(403).end('{"kind":"Status","message":"pods is forbidden"}');
    const error: Error = await call().then(
      () => new Error("it was not refused"),
      (cause: Error) => cause,
    );
    expect(error.message).toBe(
      'cannot list pods in namespace "default": pods is forbidden; grant the verb "list" on resource "pods" of API group "" in a Role in namespace "default"',
    );
    expect(JSON.stringify(error)).not.toContain("secret-token");
  });

  it.each([
    ["a page that is no JSON", "malformed", (response: ServerResponse) => response.end("<html>")],
    ["a connection that breaks off", "unreachable", (response: ServerResponse) => response.destroy()],
    [
      "half an answer",
      "unreachable",
      (response: ServerResponse) => {
        response.writeHead(200, { "content-length": "100" }).write("{");
        setTimeout(() => response.destroy(), 10);
      },
    ],
    ["silence", "unreachable", () => {}],
    ["more than was asked for", "too-large", (response: ServerResponse) => response.end("x".repeat(2_000))],
    ["a busy server", "refused", (response: ServerResponse) => response.writeHead(503).end()],
  ])("turns %s into an error", async (_, kind, respond) => {
    answer = (_request, response) => void respond(response);
    await expect(call({ timeoutMs: 300, maxBytes: 1_000 })).rejects.toMatchObject({ kind });
  });

  it("hands over the lines of a watch, cut anywhere, and not the half one at the end", async () => {
    answer = (_, response) => {
      response.write("one\ntw");
      setTimeout(() => response.write("o\n\nthr"), 10);
      setTimeout(() => response.write("ee\nfo"), 20);
      setTimeout(() => response.end(), 30);
    };
    const lines: string[] = [];
    await cluster.lines(
      { attempt, path: "/" },
      () => lines.push("open"),
      (line) => lines.push(line),
    );
    expect(lines).toEqual(["open", "one", "two", "three"]);
  });

  it("notices a watch that has fallen silent", async () => {
    answer = (_, response) => response.write("one\n");
    const watching = cluster.lines(
      { attempt, path: "/", timeoutMs: 100 },
      () => {},
      () => {},
    );
    await expect(watching).rejects.toMatchObject({ kind: "unreachable" });
  });

  it("ends with the caller's own reason when the caller aborts", async () => {
    const abort = new AbortController();
    answer = () => abort.abort(new Error("enough"));
    await expect(call({ signal: abort.signal })).rejects.toThrow("enough");
  });

  it("refuses a kubeconfig that is missing, and a context that it does not have", async () => {
    await expect(openCluster({ kubeconfig: join(folder, "nowhere") })).rejects.toThrow("ENOENT");
    await expect(openCluster({ kubeconfig: join(folder, "kubeconfig"), context: "y" })).rejects.toThrow('context "y"');
  });
});
