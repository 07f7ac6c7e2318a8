import type { ServerResponse } from "node:http";
import { type ApiError, type ErrorStyle, renderApiError } from "../formats/api-error.ts";

/** Answers with a whole body; does nothing when the answer has begun or the client has gone. */
export function sendText(response: ServerResponse, status: number, contentType: string, body: string | Buffer): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "content-type": contentType, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  sendText(response, status, "application/json", JSON.stringify(value));
}

export function sendError(response: ServerResponse, error: ApiError, style: ErrorStyle): void {
  sendText(response, error.status, "application/json", renderApiError(error, style));
}

/** Ends the connection with a TCP reset, as a server that dies. */
export function resetConnection(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}
