import { isIP } from "node:net";
import type { HostPort } from "@pointsman/plugin-api";

const FORM = /^(?:https?:\/\/)?(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}|http))?\/?$/;

/**
 * Parses the address of a server as routing headers name it: `host:port`, `[ipv6]:port`, `host` (port 80), with or
 * without `http://` before it. Undefined for everything else.
 */
export function parseTarget(text: string): HostPort | undefined {
  const [, bracketed, plain, digits] = FORM.exec(text.trim()) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || host.length > 253) return undefined;
  if (bracketed !== undefined && isIP(bracketed) !== 6) return undefined;
  const port = digits === undefined || digits === "http" ? 80 : Number(digits);
  return port >= 1 && port <= 65_535 ? { host: host.toLowerCase(), port } : undefined;
}

/** `host:port`, IPv6 in brackets. */
export function formatTarget({ host, port }: HostPort): string {
  return `${bracketed(host)}:${port}`;
}

/** A host as it stands in a URL. */
export function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
