import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { createHealth } from "../../health.ts";
import { EXT_PROC_METHOD } from "../../wire-names.ts";
import { createSelfSignedIdentity } from "../self-signed.ts";
import type { ExtProcTransport, ExtProcTransportOptions } from "../transport.ts";
import { addAccessLogService } from "./access-log-service.ts";
import { addHealthService } from "./health-service.ts";
import { runProcessCall } from "./process-call.ts";
import { rawMethod } from "./raw-method.ts";
import { createServerIdentity, type ServerIdentity } from "./server-identity.ts";
import { createServerLifecycle } from "./server-lifecycle.ts";

const DEFAULT_MAX_RECEIVE_BYTES = 64 * 1024 * 1024;

const EXT_PROC_SERVICE_DEFINITION = { Process: rawMethod(EXT_PROC_METHOD, { request: true, response: true }) };

/** The ext_proc service on `@grpc/grpc-js`. */
export function createGrpcJsTransport(options: ExtProcTransportOptions): ExtProcTransport {
  const {
    health = createHealth(),
    maxReceiveMessageBytes = DEFAULT_MAX_RECEIVE_BYTES,
    accessLog,
    ...machineOptions
  } = options;
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
  const endAccessLogs = accessLog === undefined ? () => {} : addAccessLogService(server, accessLog);
  const lifecycle = createServerLifecycle(server);
  let identity: ServerIdentity | undefined;

  return {
    health,
    get activeStreams() {
      return activeStreams;
    },
    async listen({ host, port, tls }) {
      if (tls !== undefined) identity = createServerIdentity(tls === "self-signed" ? createSelfSignedIdentity() : tls);
      return lifecycle.listen(host, port, identity?.credentials ?? ServerCredentials.createInsecure());
    },
    setServing: (serving) => health.setServing(serving),
    setCertificate(key, cert) {
      if (identity === undefined) throw new Error("this transport does not speak TLS");
      identity.replace({ key, cert });
    },
    drain(timeoutMs) {
      health.setServing(false);
      endAccessLogs();
      return lifecycle.shutdown(timeoutMs);
    },
    close() {
      health.setServing(false);
      endAccessLogs();
      return lifecycle.shutdown(0);
    },
  };
}

/**
 * Envoy ends every stream with a reset, which nghttp2 takes for an attack above 33 per second (after a burst of 1000)
 * and answers with GOAWAY. grpc-js has no option for it, so the one that newer releases of Node have is set where
 * grpc-js keeps its server options. Node 20 has none: there Envoy's `ext_proc_graceful_grpc_close` is the remedy.
 */
function tolerateStreamResets(server: Server): void {
  const { commonServerOptions } = server as unknown as { commonServerOptions?: Record<string, unknown> };
  if (commonServerOptions === undefined) return;
  commonServerOptions["streamResetBurst"] = 1_000_000;
  commonServerOptions["streamResetRate"] = 1_000_000;
}
