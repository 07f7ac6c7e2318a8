import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** A registry on loopback with one package in it, as far as `npm install` asks: enough to stand for a mirror. */
export interface OnePackageRegistry {
  readonly url: string;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/** @param folder of the package; it is packed by npm */
export async function startOnePackageRegistry(folder: string): Promise<OnePackageRegistry> {
  const packed = execFileSync("npm", ["pack", "--silent", "--ignore-scripts"], { cwd: folder, encoding: "utf8" });
  const tarball = readFileSync(join(folder, packed.trim()));
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const { name, version } = manifest as { name: string; version: string };
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "");
    asked.push(path);
    if (path === "/package.tgz") return response.writeHead(200).end(tarball);
    if (path !== `/${name}`) return response.writeHead(404).end("{}");
    const dist = {
      tarball: `http://${request.headers.host}/package.tgz`,
      integrity: `sha512-${createHash("sha512").update(tarball).digest("base64")}`,
    };
    const packument = { name, "dist-tags": { latest: version }, versions: { [version]: { ...manifest, dist } } };
    return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(packument));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
