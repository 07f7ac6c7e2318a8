import type { Snapshot } from "@pointsman/datastore";
import type { ResponseHeadersInput } from "@pointsman/ext-proc";
import type { Endpoint } from "@pointsman/plugin-api";

/**
 * Who answered. The proxy tells it in metadata where it can. Where it cannot (ORIGINAL_DST without attributes), the
 * first picked endpoint did, unless the reply is one the proxy makes itself when nobody could be reached.
 *
 * @param current the pool now: a retry may have reached an endpoint that was not picked.
 */
export function servedEndpoint(
  input: ResponseHeadersInput,
  picked: readonly Endpoint[],
  current: Snapshot,
): Endpoint | undefined {
  if (input.served !== undefined) {
    const chosen = picked.find(({ address }) => address === input.served);
    if (chosen !== undefined) return chosen;
    const row = current.roster.rowByAddress.get(input.served);
    return row === undefined ? undefined : current.endpoints[row];
  }
  // Envoy's router adds this header to what an upstream answered, and to nothing else.
  if (input.headers.get("x-envoy-upstream-service-time") !== undefined) return picked[0];
  const { status } = input;
  return status === 503 || status === 504 ? undefined : picked[0];
}
