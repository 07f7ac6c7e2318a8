import { isIP } from "node:net";

/** `host:port` taken apart; an IPv6 host is without its brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const FORM = /^(?:\[([^\]]+)\]|([^:[\]\s/@?#]+)):(\d{1,5})$/;

/** Parses `host:port`, `ip:port` or `[ipv6]:port`; undefined if it is none of them. */
export function parseAddress(text: string): Address | undefined {
  const [, bracketed, plain, digits] = FORM.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port < 1 || port > 65_535) return undefined;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed, port } : undefined;
  return { host: plain!, port };
}

/** `host:port`, IPv6 in brackets. */
export function formatAddress({ host, port }: Address): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Parses the destination a picker names: a comma list of `ip:port`, first choice first. Entries that are no IP address
 * with a port are skipped, repeated ones too.
 */
export function parseDestination(text: string): readonly string[] {
  const entries = new Set<string>();
  for (const part of text.split(",")) {
    const address = parseAddress(part.trim());
    if (address !== undefined && isIP(address.host) !== 0) entries.add(formatAddress(address));
  }
  return [...entries];
}
