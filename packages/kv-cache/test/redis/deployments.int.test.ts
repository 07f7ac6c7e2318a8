import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createRedisIndex, longestPrefixes } from "../../src/redis/index.ts";
import { closeLater, connect, keys, podA, podB, prefixesOf } from "./opened-index.ts";
import { describeWithRedis, freePort, type RedisServer, startRedis, until } from "./redis-server.ts";

const PASSWORD = "a-password";
const PROTECTED = ["--requirepass", PASSWORD, "--masterauth", PASSWORD];
const LOGIN = ["--no-auth-warning", "-a", PASSWORD];

describeWithRedis("TLS", () => {
  it("is checked against the given authority, and by name", async () => {
    const folder = (await startRedis()) as RedisServer;
    const [key, cert] = [join(folder.folder, "key.pem"), join(folder.folder, "cert.pem")];
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"],
        ...[
          "-keyout",
          key,
          "-out",
          cert,
          "-subj",
          "/CN=redis",
          "-addext",
          "subjectAltName=DNS:redis.test,IP:127.0.0.1",
        ],
      ],
      { stdio: "ignore" },
    );
    const tlsFiles = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert];
    const redis = await startRedis({
      args: [...tlsFiles, "--tls-auth-clients", "no"],
      cliArgs: ["--tls", "--cacert", cert],
    });
    try {
      const ca = readFileSync(cert);
      const index = await connect({ address: `rediss://127.0.0.1:${redis.port}`, tls: { ca } });
      index.writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(1) });
      await index.writer.flushed();
      expect(await prefixesOf(index, "", keys(1))).toEqual({ [podA]: 1 });
      const named = await connect({
        address: `rediss://127.0.0.1:${redis.port}`,
        tls: { ca, servername: "redis.test" },
      });
      expect(await prefixesOf(named, "", keys(1))).toEqual({ [podA]: 1 });
      const warnings: string[] = [];
      const untrusting = createRedisIndex({
        address: `rediss://127.0.0.1:${redis.port}`,
        warn: (_, fields) => warnings.push(String(fields["cause"])),
      });
      closeLater(untrusting);
      await until(() => warnings.length > 0);
      expect(warnings[0]).toMatch(/self.signed/);
      expect(await untrusting.lookup("", keys(1))).toMatchObject({ found: false, why: "failed" });
    } finally {
      await redis.close();
      await folder.close();
    }
  });
});

describeWithRedis("a cluster", () => {
  it("spreads the blocks over its nodes, and answers one look-up from all of them", async () => {
    const nodes = await Promise.all([0, 1, 2].map(() => startClusterNode()));
    try {
      const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
      execFileSync("redis-cli", [...LOGIN, "--cluster", "create", ...addresses, "--cluster-yes"], { stdio: "ignore" });
      await until(() => nodes.every((node) => node.cli("cluster", "info").includes("cluster_state:ok")), 20_000);
      const index = await connect({ address: `redis+cluster://:${PASSWORD}@${addresses.slice(0, 2).join(",")}` });
      const blocks = Array.from({ length: 60 }, (_, i) => String(i + 1));
      index.writer.store({ model: "", pod: podA, tier: "gpu", blocks, engineBlocks: blocks.map((key) => `9${key}`) });
      index.writer.store({ model: "", pod: podB, tier: "gpu", blocks: blocks.slice(0, 20) });
      await index.writer.flushed();
      expect(index.writer.statistics()).toMatchObject({ refused: 0, retries: 0 });
      for (const node of nodes) expect(Number(node.cli("dbsize"))).toBeGreaterThan(10);
      expect(await prefixesOf(index, "", blocks)).toEqual({ [podA]: 60, [podB]: 20 });
      index.writer.copy({ model: "", pod: podB, tier: "cpu", engineBlocks: ["921"] });
      await index.writer.flushed();
      expect(await prefixesOf(index, "", blocks)).toEqual({ [podA]: 60, [podB]: 21 });
      index.writer.remove({ model: "", pod: podA, tier: "gpu", engineBlocks: ["931"] });
      index.writer.clear(podB);
      await index.writer.flushed();
      expect(await prefixesOf(index, "", blocks)).toEqual({ [podA]: 30 });
      await index.close();
    } finally {
      await Promise.all(nodes.map((node) => node.close()));
    }
  }, 60_000);

  /** Another process may take the port of the bus in between. */
  async function startClusterNode(attempt = 0): Promise<RedisServer> {
    const bus = await freePort();
    try {
      return await startRedis({
        args: ["--cluster-enabled", "yes", "--cluster-port", String(bus), ...PROTECTED],
        cliArgs: LOGIN,
      });
    } catch (error) {
      if (attempt >= 3) throw error;
      return startClusterNode(attempt + 1);
    }
  }
});

describeWithRedis("sentinels", () => {
  it("lead to the master, and to its successor when it is gone", async () => {
    const master = await startRedis({ args: PROTECTED, cliArgs: LOGIN });
    const replica = await startRedis({
      args: ["--replicaof", "127.0.0.1", String(master.port), ...PROTECTED],
      cliArgs: LOGIN,
    });
    const port = await freePort();
    const config = join(master.folder, "sentinel.conf");
    const lines = [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${master.folder}`,
      `sentinel monitor blocks 127.0.0.1 ${master.port} 1`,
      `sentinel auth-pass blocks ${PASSWORD}`,
      "sentinel down-after-milliseconds blocks 500",
      "sentinel failover-timeout blocks 2000",
    ];
    writeFileSync(config, `${lines.join("\n")}\n`);
    const sentinel = await startRedis({ program: "redis-sentinel", args: [config], port });
    try {
      await until(() => sentinel.cli("sentinel", "replicas", "blocks").includes(String(replica.port)), 20_000);
      const index = await connect({
        address: `redis+sentinel://:${PASSWORD}@127.0.0.1:${port}/blocks`,
        deadlineMs: 500,
        coolDownMs: 50,
      });
      index.writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(1) });
      await index.writer.flushed();
      expect(master.cli("dbsize")).toBe("1");
      await until(() => replica.cli("dbsize") === "1");
      await master.stop();
      index.writer.store({ model: "", pod: podA, tier: "gpu", blocks: keys(2) });
      await until(async () => {
        const lookup = await index.lookup("", keys(1, 2));
        return lookup.found && longestPrefixes(lookup.runs).get(podA)?.blocks === 2;
      }, 30_000);
      expect(replica.cli("dbsize")).toBe("2");
      await index.close();
    } finally {
      await sentinel.close();
      await replica.close();
      await master.close();
    }
  }, 60_000);
});
