import type { Server } from "node:net";
import { DiagnosticError, diagnostic } from "@pointsman/diagnostics";

/** Binds a server. @throws DiagnosticError that names the port and what it is for. */
export function listen(server: Server, host: string, port: number, purpose: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => reject(portError(cause, host, port, purpose));
    server.once("error", fail);
    server.listen(port, host, () => {
      server.off("error", fail);
      resolve();
    });
  });
}

/** Turns a failure to bind into one that says which flag to change. */
export function portError(cause: unknown, host: string, port: number, purpose: string): DiagnosticError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `The ${purpose} port ${host}:${port} cannot be used: ${reason}`;
  return new DiagnosticError(diagnostic("POINTSMAN_SERVER_PORT_TAKEN", message, { cause }));
}
