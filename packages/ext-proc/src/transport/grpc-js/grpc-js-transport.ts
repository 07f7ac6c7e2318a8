import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { createHealth } from "../../health.ts";
import { EXT_PROC_METHOD } from "../../wire-names.ts";
import { createSelfSignedIdentity } from "../self-signed.ts";
import type { ExtProcTransport, ExtProcTransportOptions } from "../transport.ts";
import { bindServer, closeServer } from "./bind-server.ts";
import { addHealthService } from "./health-service.ts";
import { runProcessCall } from "./process-call.ts";
import { rawMethod } from "./raw-method.ts";
import { createServerIdentity, type ServerIdentity } from "./server-identity.ts";

const DEFAULT_MAX_RECEIVE_BYTES = 64 * 1024 * 1024;

const EXT_PROC_SERVICE_DEFINITION = { Process: rawMethod(EXT_PROC_METHOD, { request: true, response: true }) };

/** The ext_proc service on `@grpc/grpc-js`. */
export function createGrpcJsTransport(options: ExtProcTransportOptions): ExtProcTransport {
  const { health = createHealth(), maxReceiveMessageBytes = DEFAULT_MAX_RECEIVE_BYTES, ...machineOptions } = options;
  // No limit of concurrent streams and no maximum age of connections: a stream lasts as long as its response, and
  // Envoy fails requests above a limit that it learns of too late.
  const server = new Server({
    "grpc.max_receive_message_length": maxReceiveMessageBytes,
    "grpc.max_send_message_length": -1,
    "grpc.enable_channelz": 0,
  });
  tolerateStreamResets(server);
  let activeStreams = 0;
  server.addService(EXT_PROC_SERVICE_DEFINITION, {
    Process(call: ServerDuplexStream<Buffer, Buffer>) {
      activeStreams++;
      runProcessCall(call, machineOptions, () => activeStreams--);
    },
  });
  addHealthService(server, health);
  let identity: ServerIdentity | undefined;

  return {
    health,
    get activeStreams() {
      return activeStreams;
    },
    async listen({ host, port, tls }) {
      if (tls !== undefined) identity = createServerIdentity(tls === "self-signed" ? createSelfSignedIdentity() : tls);
      return bindServer(server, host, port, identity?.credentials ?? ServerCredentials.createInsecure());
    },
    setServing: (serving) => health.setServing(serving),
    setCertificate(key, cert) {
      if (identity === undefined) throw new Error("this transport does not speak TLS");
      identity.replace({ key, cert });
    },
    async drain(timeoutMs) {
      health.setServing(false);
      const cutOff = setTimeout(() => server.forceShutdown(), timeoutMs);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      clearTimeout(cutOff);
    },
    async close() {
      health.setServing(false);
      await closeServer(server);
    },
  };
}

/**
 * Envoy ends every stream with a reset, which nghttp2 takes for an attack above 33 per second and answers by closing
 * the connection. grpc-js has no option for it, Node only from 22 on; older ones need Envoy's
 * `ext_proc_graceful_grpc_close`.
 */
function tolerateStreamResets(server: Server): void {
  const { commonServerOptions } = server as unknown as { commonServerOptions?: Record<string, unknown> };
  if (commonServerOptions === undefined) return;
  commonServerOptions["streamResetBurst"] = 1_000_000;
  commonServerOptions["streamResetRate"] = 1_000_000;
}
