import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { decodeHealthCheckRequest, encodeHealthCheckResponse } from "../../codec/health-messages.ts";
import { asBuffer } from "../../codec/wire-reader.ts";
import { HEALTH_STATUS, type Health, type HealthStatus } from "../../health.ts";
import { rawMethod } from "./raw-method.ts";
import { createServerLifecycle } from "./server-lifecycle.ts";

const HEALTH_SERVICE = {
  Check: rawMethod("/grpc.health.v1.Health/Check", { request: false, response: false }),
  Watch: rawMethod("/grpc.health.v1.Health/Watch", { request: false, response: true }),
};

const encoded = (healthStatus: HealthStatus) => asBuffer(encodeHealthCheckResponse(HEALTH_STATUS[healthStatus]));

/** Adds `grpc.health.v1.Health` to a server. Check of an unknown name fails with NOT_FOUND, Watch reports SERVICE_UNKNOWN. */
export function addHealthService(server: Server, health: Health): void {
  server.addService(HEALTH_SERVICE, {
    Check(call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) {
      const service = parseService(call.request);
      if (service === undefined) {
        callback({ code: status.INVALID_ARGUMENT, details: "malformed HealthCheckRequest" });
        return;
      }
      const healthStatus = health.status(service);
      if (healthStatus === "SERVICE_UNKNOWN") callback({ code: status.NOT_FOUND, details: "unknown service" });
      else callback(null, encoded(healthStatus));
    },
    Watch(call: ServerWritableStream<Buffer, Buffer>) {
      const service = parseService(call.request);
      if (service === undefined) {
        call.emit("error", { code: status.INVALID_ARGUMENT, details: "malformed HealthCheckRequest" });
        return;
      }
      const unwatch = health.watch(service, (healthStatus) => call.write(encoded(healthStatus)));
      call.once("cancelled", unwatch);
      call.once("close", unwatch);
    },
  });
}

function parseService(request: Buffer): string | undefined {
  try {
    return decodeHealthCheckRequest(request);
  } catch {
    return undefined;
  }
}

/** A server that offers nothing but the health service, in cleartext; for a port of its own. */
export interface HealthServer {
  /** @throws if the address cannot be bound */
  listen(options: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }>;
  close(): Promise<void>;
}

export function createHealthServer(health: Health): HealthServer {
  const server = new Server({ "grpc.enable_channelz": 0 });
  addHealthService(server, health);
  const lifecycle = createServerLifecycle(server);
  return {
    listen: ({ host, port }) => lifecycle.listen(host, port, ServerCredentials.createInsecure()),
    close: () => lifecycle.shutdown(0),
  };
}
