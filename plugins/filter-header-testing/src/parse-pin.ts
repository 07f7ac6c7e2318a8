/**
 * Entries of a pin, a comma-separated list of `ip` or `ip:port` (IPv6 also in brackets; with a port always), in lower
 * case. Undefined when the value is absent or has no entry.
 */
export function parsePin(value: string | undefined): ReadonlySet<string> | undefined {
  if (value === undefined) return undefined;
  const entries = new Set<string>();
  for (const part of value.split(",")) {
    const entry = part.trim().toLowerCase();
    if (entry !== "") entries.add(entry);
  }
  return entries.size === 0 ? undefined : entries;
}

/** True when the pin names the address of the endpoint, or its host alone, which means all its ports. */
export function pinNames(
  pin: ReadonlySet<string>,
  endpoint: { readonly host: string; readonly address: string },
): boolean {
  const host = endpoint.host.toLowerCase();
  return pin.has(host) || pin.has(endpoint.address.toLowerCase()) || pin.has(`[${host}]`);
}
