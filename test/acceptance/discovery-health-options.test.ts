import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineFlags, parseFlags } from "@pointsman/command-line";
import { serve } from "@pointsman/epp";
import { afterAll, describe, expect, it, vi } from "vitest";
import { destinationOf } from "./harness/expectations.ts";
import { healthClient } from "./harness/health.ts";
import { BODY, plain } from "./harness/notation.ts";
import { CFG_Q, startPicker, startProblems } from "./harness/picker.ts";
import { until } from "./harness/replay.ts";
import { EP } from "./harness/test-pool.ts";

const folder = await mkdtemp(join(tmpdir(), "pointsman-acceptance-"));
afterAll(() => rm(folder, { recursive: true }));
const fromFile = (path: string) => ({
  ...CFG_Q,
  discovery: { type: "file-discovery", parameters: { path, watchFile: true } },
});

describe("file discovery", () => {
  it("V07 reads, watches and checks the file of endpoints", async () => {
    const path = join(folder, "endpoints.yaml");
    const ep1 = "- { name: ep1, namespace: ns1, address: 10.0.0.1, port: 8000 }";
    const ep2 = "- { name: ep2, address: 10.0.0.2, port: 8000 }";
    const ep3 = "- { name: ep3, address: 10.0.0.3, port: 8000 }";
    await writeFile(path, `endpoints:\n${ep1}\n${ep2}\n`);
    const picker = await startPicker(fromFile(path));
    const pool = () => picker.epp.datastore.snapshot().endpoints.map(({ id, address }) => `${id} ${address}`);
    expect(pool()).toEqual(["ns1/ep1 10.0.0.1:8000", "default/ep2 10.0.0.2:8000"]);
    await writeFile(path, `endpoints:\n${ep1}\n`);
    await until(() => pool().length === 1);
    expect(destinationOf(await picker.replay(plain(BODY("m", "p"))))).toBe("10.0.0.1:8000");
    await writeFile(path, `endpoints:\n${ep3}\n`);
    await until(() => pool()[0] === "default/ep3 10.0.0.3:8000");
    expect(destinationOf(await picker.replay(plain(BODY("m", "p"))))).toBe("10.0.0.3:8000");

    const wrong = join(folder, "wrong.yaml");
    const problems = async (text: string) => {
      await writeFile(wrong, text);
      return startProblems(fromFile(wrong));
    };
    expect(await startProblems(fromFile(join(folder, "missing.yaml")))).toEqual([
      expect.stringContaining("no such file"),
    ]);
    expect(await problems(ep1)).toHaveLength(1);
    expect(await problems("endpoints:\n- { name: a, address: 10.0.0.256, port: 8000 }")).toEqual([
      expect.stringContaining("address must be an IP address"),
    ]);
    expect(await problems("endpoints:\n- { name: a, address: 10.0.0.1, port: 99999 }")).toEqual([
      expect.stringContaining("port must be a number from 1 to 65535"),
    ]);
    expect(await problems(`# ${"x".repeat(1_048_576)}\nendpoints: []`)).toEqual([
      expect.stringContaining("more than 1048576"),
    ]);
    await writeFile(wrong, 'endpoints:\n- { name: six, address: "fd00::1", port: 8000 }');
    const six = await startPicker(fromFile(wrong));
    expect(destinationOf(await six.replay(plain(BODY("m", "p"))))).toBe("[fd00::1]:8000");
  });
});

describe("options", () => {
  it("V09 reads the largest message in bytes, binary and decimal units, and refuses the rest", async () => {
    const flag = "grpc-max-recv-msg-size";
    const flags = defineFlags({ [flag]: { kind: "bytes", default: 0, help: "largest gRPC message" } });
    const bytesOf = (text: string) => parseFlags(flags, [`--${flag}`, text]).values[flag];
    expect(["10485760", "10Mi", "10MiB"].map(bytesOf)).toEqual([10_485_760, 10_485_760, 10_485_760]);
    expect(["20M", "20MB"].map(bytesOf)).toEqual([20_000_000, 20_000_000]);
    expect(parseFlags(flags, []).values[flag]).toBe(0);

    const shown: string[] = [];
    const stderr = vi.spyOn(process.stderr, "write").mockImplementation((text) => shown.push(String(text)) > 0);
    const codes = [];
    for (const text of ["10invalid", "abc", "-10Mi", "10Ei"]) {
      codes.push(await serve(["--pool-name", "p", `--${flag}=${text}`]));
    }
    stderr.mockRestore();
    expect(codes.every((code) => code !== 0)).toBe(true);
    expect(shown.filter((text) => text.includes(`--${flag}`))).toHaveLength(4);
  });

  it("V12 refuses TLS on the metrics port that keeps nobody out, and a client CA without TLS", async () => {
    const shown: string[] = [];
    const stderr = vi.spyOn(process.stderr, "write").mockImplementation((text) => shown.push(String(text)) > 0);
    const codes = [
      await serve(["--pool-name", "p", "--metrics-cert-dir=certs"]),
      await serve(["--pool-name", "p", "--metrics-client-ca-file=ca.crt"]),
    ];
    stderr.mockRestore();
    expect(codes.every((code) => code !== 0)).toBe(true);
    expect(shown[0]).toContain("--metrics-cert-dir needs --metrics-endpoint-auth or --metrics-client-ca-file");
    expect(shown[1]).toContain("--metrics-client-ca-file needs --metrics-cert-dir");
  });
});

describe("health", () => {
  it("V10 serves when endpoints are known, plugins are ready and nothing drains; liveness asks for none of it", async () => {
    const picker = await startPicker({ ...CFG_Q, plugins: ["acceptance-unready"] }, { ports: { grpc: 0, health: 0 } });
    picker.pool.set(EP(0, 0, 0));
    const names = ["readiness", "envoy.service.ext_proc.v3.ExternalProcessor", ""];
    for (const port of [picker.epp.ports.health, picker.epp.ports.grpc]) {
      const check = healthClient(port);
      const all = () => Promise.all(names.map(check));
      await until(async () => (await check("readiness")) === "SERVING");
      expect(await all()).toEqual(["SERVING", "SERVING", "SERVING"]);
      picker.pool.pluginsReady = false;
      await until(async () => (await check("readiness")) === "NOT_SERVING");
      expect(await all()).toEqual(["NOT_SERVING", "NOT_SERVING", "NOT_SERVING"]);
      expect(await check("liveness")).toBe("SERVING");
      expect(await check("no-such-service")).toBe("code 5");
      picker.pool.pluginsReady = true;
    }
    const check = healthClient(picker.epp.ports.health);
    await until(async () => (await check("readiness")) === "SERVING");
    const running = picker.open();
    running.send(...plain(BODY("m", "p")));
    await running.answered(2);
    const drained = picker.epp.drain(5_000);
    expect(await check("readiness")).toBe("NOT_SERVING");
    expect(await check("liveness")).toBe("SERVING");
    running.halfClose();
    await running.ended;
    await drained;
  });
});
