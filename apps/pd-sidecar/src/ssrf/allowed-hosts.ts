import { readFileSync, unwatchFile, watchFile } from "node:fs";
import { DiagnosticError, diagnostic } from "@pointsman/diagnostics";
import type { HostLogger } from "@pointsman/telemetry";
import { parse } from "yaml";

/** The hosts that routing headers may name, whatever the port. Kept up to date by whoever made it. */
export interface AllowedHosts {
  has(host: string): boolean;
  close(): void;
}

const POLL_MS = 1_000;

/**
 * The addresses of an endpoints file, as file discovery reads it: `endpoints: [{ name, address, port }]`. Read again when
 * it changes; a version that cannot be read is logged, and the last good one stays.
 *
 * @throws DiagnosticError when the first version cannot be read
 */
export function watchEndpointsFile(path: string, log: HostLogger): AllowedHosts {
  let hosts: ReadonlySet<string>;
  try {
    hosts = parseEndpointHosts(readFileSync(path, "utf8"));
  } catch (cause) {
    const message = `--ssrf-allowlist-file: ${path} cannot be used: ${(cause as Error).message}.`;
    throw new DiagnosticError(diagnostic("POINTSMAN_CLI_FLAG_VALUE", message, { cause }));
  }
  const onChange = (): void => {
    try {
      hosts = parseEndpointHosts(readFileSync(path, "utf8"));
      log.info("the allow-list has changed", { path, hosts: hosts.size });
    } catch (error) {
      log.error("the allow-list cannot be read; the last good one stays", { path, error: (error as Error).message });
    }
  };
  watchFile(path, { interval: POLL_MS, persistent: false }, onChange);
  return { has: (host) => hosts.has(host), close: () => unwatchFile(path, onChange) };
}

/** The hosts of an endpoints file. @throws Error that says what is wrong */
export function parseEndpointHosts(text: string): ReadonlySet<string> {
  const document: unknown = parse(text);
  const endpoints = (document as { endpoints?: unknown } | null)?.endpoints;
  if (!Array.isArray(endpoints)) throw new Error("it has no list `endpoints`");
  return new Set(
    endpoints.map((endpoint: unknown, i) => {
      const address = (endpoint as { address?: unknown } | null)?.address;
      if (typeof address !== "string" || address === "") throw new Error(`endpoints[${i}].address is no text`);
      return address.replace(/^\[(.*)\]$/, "$1").toLowerCase();
    }),
  );
}
