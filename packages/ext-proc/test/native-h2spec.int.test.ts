import { execFile, spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createNativeTransport } from "../src/transport/native/native-transport.ts";
import type { ExtProcTransport } from "../src/transport/transport.ts";

/**
 * h2spec (github.com/summerwind/h2spec), the conformance suite of HTTP/2 and HPACK, against the native transport. It
 * asks for plain HTTP, which gets an answer with a body (415), so that every one of its cases applies; the strict ones
 * are asked for, too.
 */
const CASES = 146;

const found = spawnSync("h2spec", ["--version"]).error === undefined;
const required = process.env["CI"] === "true";
if (!found && !required) {
  process.stderr.write("h2spec is not on the PATH: HTTP/2 conformance is NOT tested here (it is in CI)\n");
}

/** Its report; it exits with 1 if a case failed. */
function h2spec(...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(
      "h2spec",
      ["-h", "127.0.0.1", "-o", "5", "-S", ...args],
      { timeout: 50_000, maxBuffer: 1 << 24 },
      (error, stdout) => resolve(`${stdout}${error?.killed ? "\nh2spec did not finish" : ""}`),
    );
  });
}

describe.runIf(found || required)("h2spec", () => {
  const transports: ExtProcTransport[] = [];
  const crashes: unknown[] = [];
  const ports: string[] = [];

  beforeAll(async () => {
    for (const tls of [undefined, "self-signed"] as const) {
      const transport = createNativeTransport({
        handler: {
          open() {
            throw new Error("h2spec calls no gRPC method");
          },
        },
        onHandlerError: (error) => crashes.push(error),
      });
      transports.push(transport);
      const { port } = await transport.listen({ host: "127.0.0.1", port: 0, ...(tls === undefined ? {} : { tls }) });
      ports.push(String(port));
    }
  });
  afterAll(async () => {
    for (const transport of transports) await transport.close();
  });

  it.each([
    ["cleartext", 0, []],
    ["TLS", 1, ["-t", "-k"]],
  ] as const)("passes every case, none skipped, over %s", async (_, index, options) => {
    const report = await h2spec("-p", ports[index]!, ...options);
    const failures = report.slice(Math.max(0, report.indexOf("Failures:")));
    expect(report, failures).toContain(`${CASES} tests, ${CASES} passed, 0 skipped, 0 failed`);
    expect(crashes).toEqual([]);
  });
});
