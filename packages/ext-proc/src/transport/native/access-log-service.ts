import { type AccessLogSink, deliverAccessLog } from "../../access-log/access-log-sink.ts";
import type { Service } from "./call.ts";
import { GRPC_STATUS } from "./grpc-status.ts";

/** `StreamAccessLogs`: takes messages until the proxy ends; the one answer is empty. */
export function accessLogService(sink: AccessLogSink): Service {
  return {
    open(reply) {
      sink.opened();
      return {
        receive(message) {
          try {
            deliverAccessLog(message, sink);
          } catch {
            reply.finish({ code: GRPC_STATUS.INVALID_ARGUMENT, message: "malformed StreamAccessLogsMessage" });
          }
          return true;
        },
        halfClosed() {
          reply.send(new Uint8Array(0));
          reply.finish();
        },
        cancelled() {},
        drained() {},
        retire: () => reply.finish({ code: GRPC_STATUS.UNAVAILABLE, message: "the server goes away" }),
      };
    },
    closed: () => sink.closed(),
  };
}
