import { isIPv4, isIPv6 } from "node:net";

const hostName = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/**
 * The host of an endpoint in the one form it is compared by: IPv4 as it is, IPv6 shortened and without brackets, a host
 * name in lower case. Undefined when it is none of them. A name that ends in a number is a mistyped IPv4 address.
 */
export function parseAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (isIPv6(bare)) return bare.includes("%") ? undefined : new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const name = text.toLowerCase();
  if (!hostName.test(name) || /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(name)) return undefined;
  return name;
}
