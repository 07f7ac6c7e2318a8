/** Fields that concern one connection and never cross a proxy (RFC 9110 §7.6.1, and the older `Keep-Alive`). */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Header fields as `node:http` has them: name, value, name, value, … */
export type RawHeaders = readonly string[];

/**
 * A new list without what ends at this proxy: hop-by-hop fields, those that `Connection` names, and those in `dropped`.
 * Names are in lower case; repeated fields stay apart.
 */
export function crossing(raw: RawHeaders, dropped: ReadonlySet<string>): string[] {
  const fields: string[] = [];
  let named: Set<string> | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (name === "connection") named = addTokens(named ?? new Set(), raw[i + 1]!);
    if (!HOP_BY_HOP.has(name) && !dropped.has(name)) fields.push(name, raw[i + 1]!);
  }
  // Nearly always `keep-alive` or `close`, which are no fields that are still here.
  return named === undefined ? fields : without(fields, named);
}

export function without(fields: RawHeaders, names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) if (!names.has(fields[i]!)) kept.push(fields[i]!, fields[i + 1]!);
  return kept;
}

/** The first value of a field; names in lower case. */
export function fieldOf(fields: RawHeaders, name: string): string | undefined {
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i] === name) return fields[i + 1];
  return undefined;
}

/** The first value of a field of a message as it came, in whatever case. Cheaper than to build all of `headers`. */
export function rawValue(raw: RawHeaders, name: string): string | undefined {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]!.length === name.length && raw[i]!.toLowerCase() === name) return raw[i + 1];
  }
  return undefined;
}

function addTokens(names: Set<string>, value: string): Set<string> {
  for (const token of value.split(",")) names.add(token.trim().toLowerCase());
  return names;
}
