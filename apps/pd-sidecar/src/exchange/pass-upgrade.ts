import type { IncomingMessage } from "node:http";
import { connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { crossing } from "../http/headers.ts";
import { formatTarget } from "../http/target.ts";
import type { Parts, Rank } from "./parts.ts";
import { NOT_FORWARDED } from "./routing-headers.ts";

/**
 * Joins a connection that asks for another protocol (WebSocket) with one to the local model server: the request's head is
 * sent without routing headers, everything behind it passes both ways. Other protocols than WebSocket are not asked for;
 * the request then is an ordinary one, and the connection ends with it.
 */
export function passUpgrade(parts: Parts, rank: Rank, request: IncomingMessage, client: Duplex, head: Buffer): void {
  const { host, port } = rank.decoder;
  const { settings } = parts;
  const server = settings["enable-tls"].includes("decoder")
    ? connectTls({ host, port, rejectUnauthorized: !settings["tls-insecure-skip-verify"].includes("decoder") })
    : connectTcp({ host, port, noDelay: true });
  const end = (): void => {
    client.destroy();
    server.destroy();
  };
  server.once("error", () => {
    if (server.bytesRead === 0 && client.writable) {
      client.end("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    } else end();
  });
  client.on("error", end);
  server.once("close", () => client.end());
  client.once("close", () => server.destroy());

  const lines = [`${request.method} ${request.url} HTTP/1.1`, `host: ${formatTarget(rank.decoder)}`];
  const fields = crossing(request.rawHeaders, NOT_FORWARDED);
  for (let i = 0; i < fields.length; i += 2) lines.push(`${fields[i]}: ${fields[i + 1]}`);
  const length = request.headers["content-length"];
  if (length !== undefined) lines.push(`content-length: ${length}`);
  else if (request.headers["transfer-encoding"] !== undefined) lines.push("transfer-encoding: chunked");
  const isWebSocket = request.headers.upgrade?.toLowerCase() === "websocket";
  lines.push(...(isWebSocket ? ["connection: Upgrade", "upgrade: websocket"] : ["connection: close"]), "", "");
  server.write(Buffer.from(lines.join("\r\n"), "latin1"));
  server.write(head);
  client.pipe(server);
  server.pipe(client);
}
