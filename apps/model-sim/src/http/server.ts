import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { ApiError, type ErrorStyle } from "../formats/api-error.ts";
import { sendError } from "./answers.ts";
import { ClientGone, declaredLength } from "./body.ts";

/** What answers one path. */
export interface Route {
  readonly method: "GET" | "POST";
  readonly style: ErrorStyle;
  handle(request: IncomingMessage, response: ServerResponse, path: string): void | Promise<void>;
}

/**
 * Creates the HTTP server around a table of routes; it does not listen yet. Unknown paths get 404, other methods 405,
 * an error that a route throws becomes an answer in the style of the route.
 *
 * @param name value of the response header `x-sim-server`
 */
export function createHttpServer(routes: ReadonlyMap<string, Route>, name: string, maxBodyBytes: number): Server {
  const server = createServer();
  // Longer than clients and proxies usually keep idle connections, so that they close them, not we under their hands.
  server.keepAliveTimeout = 75_000;
  // The whole of a large body over a slow connection may take its time.
  server.requestTimeout = 0;

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    response.setHeader("x-sim-server", name);
    // While the server drains, no connection is kept for a next request.
    if (!server.listening) response.shouldKeepAlive = false;
    // A write that meets a connection just lost is no event of note, and must not end the process.
    response.on("error", () => undefined);
    const path = pathOf(request.url ?? "/");
    const route = routes.get(path);
    dispatch(route, path, request, response).catch((error: unknown) => {
      if (error instanceof ClientGone) return;
      const text = error instanceof Error ? error.message : String(error);
      const known = error instanceof ApiError ? error : new ApiError(500, `The simulator failed: ${text}`);
      if (response.headersSent) response.destroy();
      else sendError(response, known, route?.style ?? "openai");
    });
  };
  server.on("request", answer);
  server.on("checkContinue", (request, response) => {
    // Without the permission to go on, a body that is too long is not even sent.
    if (declaredLength(request) <= maxBodyBytes) response.writeContinue();
    answer(request, response);
  });
  return server;
}

async function dispatch(
  route: Route | undefined,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (route === undefined) throw new ApiError(404, `There is no route ${path}.`);
  if (request.method !== route.method) {
    response.setHeader("allow", route.method);
    throw new ApiError(405, `${path} is asked by ${route.method}, not by ${request.method}.`);
  }
  await route.handle(request, response, path);
}

/** The path without query and fragment, also of a target in absolute form. */
function pathOf(target: string): string {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  return path === "" ? "/" : path;
}
