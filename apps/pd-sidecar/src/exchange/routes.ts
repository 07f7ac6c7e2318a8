import type { ConnectorExchange } from "@pointsman/plugin-api";

/** The routes on which the sidecar runs legs; everything else passes. */
const ROUTES: ReadonlyMap<string, ConnectorExchange["api"]> = new Map([
  ["/v1/chat/completions", "chat"],
  ["/v1/completions", "chat"],
  ["/v1/messages", "chat"],
  ["/v1/responses", "responses"],
  ["/inference/v1/generate", "generate"],
]);

/** The one route that chunked decode serves. */
export const CHAT_PATH = "/v1/chat/completions";

export interface Route {
  readonly path: string;
  readonly api: ConnectorExchange["api"];
}

/** @param url as in the request line; a query does not matter */
export function routeOf(method: string | undefined, url: string): Route | undefined {
  if (method !== "POST") return undefined;
  const path = pathOf(url);
  const api = ROUTES.get(path);
  return api === undefined ? undefined : { path, api };
}

export function pathOf(url: string): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}
