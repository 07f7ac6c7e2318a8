import type { Snapshot } from "@pointsman/datastore";
import type { ResponseHeadersInput } from "@pointsman/ext-proc";
import type { Endpoint } from "@pointsman/plugin-api";

/** Statuses that a proxy answers with when it could not reach a model server, or lost it. */
const PROXY_FAILURES: ReadonlySet<number | undefined> = new Set([502, 503, 504]);

/**
 * Who answered. The proxy tells it in metadata where it can. Where it cannot (ORIGINAL_DST without attributes), the
 * first picked endpoint did, unless the reply is one the proxy makes itself when nobody could be reached.
 *
 * @param destinations where the proxy was sent for each picked endpoint: its address, unless a plugin set the port.
 * @param current the pool now: a retry may have reached an endpoint that was not picked.
 */
export function servedEndpoint(
  input: ResponseHeadersInput,
  picked: readonly Endpoint[],
  destinations: readonly string[],
  current: Snapshot,
): Endpoint | undefined {
  if (isProxyReply(input)) return undefined;
  if (input.served === undefined) return picked[0];
  const chosen = picked[destinations.indexOf(input.served)];
  if (chosen !== undefined) return chosen;
  const row = current.roster.rowByAddress.get(input.served);
  return row === undefined ? undefined : current.endpoints[row];
}

/**
 * Whether the proxy made the reply itself. Envoy then still names a host, the last one it tried; its own replies are
 * plain text, while model servers answer in JSON.
 */
function isProxyReply({ headers, status, served }: ResponseHeadersInput): boolean {
  // Envoy's router adds this header to what an upstream answered, and to nothing else.
  if (headers.get("x-envoy-upstream-service-time") !== undefined) return false;
  if (!PROXY_FAILURES.has(status)) return false;
  return served === undefined || headers.get("content-type")?.startsWith("text/plain") === true;
}
