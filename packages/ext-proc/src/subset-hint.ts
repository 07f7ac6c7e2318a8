import type { JsonValue } from "./codec/struct.ts";

/**
 * Parses the value of the subset key, `undefined` meaning that the key is absent and the whole pool is allowed.
 *
 * A list or a single string is accepted; each item may itself be a comma list; blanks around an entry and empty
 * entries are dropped, items that are not strings are skipped. Any other present value allows nothing: a limit that
 * cannot be read must not be taken for no limit.
 *
 * @returns entries in the canonical form `ip:port`, `[ipv6]:port`, or a bare `ip` that stands for all its ports
 */
export function parseSubsetHint(value: JsonValue | undefined): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const items = Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
  const entries: string[] = [];
  for (const item of items) {
    if (typeof item !== "string") continue;
    for (const part of item.split(",")) {
      const entry = part.trim().toLowerCase();
      if (entry !== "") entries.push(canonicalEntry(entry));
    }
  }
  return entries;
}

/**
 * Whether an endpoint is in the subset.
 *
 * @param hint what `parseSubsetHint` returned; `undefined` allows everything, an empty list nothing
 * @param host an IP address; IPv6 with or without brackets
 */
export function matchesSubset(hint: readonly string[] | undefined, host: string, port: number): boolean {
  if (hint === undefined) return true;
  const { withPort, bare } = forms(host, port);
  return hint.includes(withPort) || hint.includes(bare);
}

/** `matchesSubset` for many endpoints of one request: constant time per endpoint. */
export function createSubsetMatcher(hint: readonly string[] | undefined): (host: string, port: number) => boolean {
  if (hint === undefined) return () => true;
  const entries = new Set(hint);
  return (host, port) => {
    const { withPort, bare } = forms(host, port);
    return entries.has(withPort) || entries.has(bare);
  };
}

function forms(host: string, port: number): { withPort: string; bare: string } {
  const bare = stripBrackets(host.toLowerCase());
  return { withPort: bare.includes(":") ? `[${bare}]:${port}` : `${bare}:${port}`, bare };
}

/** `[ipv6]` without a port becomes bare; everything else is canonical already (a bare IPv6 has no port). */
function canonicalEntry(entry: string): string {
  return entry.startsWith("[") && entry.endsWith("]") ? stripBrackets(entry) : entry;
}

function stripBrackets(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}
