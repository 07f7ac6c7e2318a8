/** `namespace/name` of a pod has at most 317 characters; a longer token names none. */
const MAX_TOKEN_LENGTH = 512;

/** Standard base64 with padding, as Go writes it. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The token that names an endpoint: standard base64 of its id, `namespace/name`. */
export function encodeSessionToken(endpointId: string): string {
  return Buffer.from(endpointId, "utf8").toString("base64");
}

/** The endpoint id in a token that a client sent; undefined for anything that is no token. */
export function parseSessionToken(token: string | undefined): string | undefined {
  if (token === undefined || token === "" || token.length > MAX_TOKEN_LENGTH || !BASE64.test(token)) return undefined;
  return Buffer.from(token, "base64").toString("utf8");
}
