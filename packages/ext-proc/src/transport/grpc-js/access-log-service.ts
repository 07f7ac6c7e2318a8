import { type Server, type ServerReadableStream, type sendUnaryData, status } from "@grpc/grpc-js";
import { ACCESS_LOG_METHOD, type AccessLogSink, deliverAccessLog } from "../../access-log/access-log-sink.ts";
import { rawMethod } from "./raw-method.ts";

/**
 * Adds `StreamAccessLogs` to a server: takes messages until the proxy ends; the one answer is empty.
 *
 * @returns ends the streams that are open: they would not end by themselves
 */
export function addAccessLogService(server: Server, sink: AccessLogSink): () => void {
  const open = new Set<sendUnaryData<Buffer>>();
  server.addService(
    { StreamAccessLogs: rawMethod(ACCESS_LOG_METHOD, { request: true, response: false }) },
    {
      StreamAccessLogs(call: ServerReadableStream<Buffer, Buffer>, callback: sendUnaryData<Buffer>) {
        const gone = (): boolean => {
          if (!open.delete(callback)) return false;
          sink.closed();
          return true;
        };
        open.add(callback);
        sink.opened();
        call.on("data", (message: Buffer) => {
          if (!open.has(callback)) return;
          try {
            deliverAccessLog(message, sink);
          } catch {
            if (gone()) callback({ code: status.INVALID_ARGUMENT, details: "malformed StreamAccessLogsMessage" });
          }
        });
        call.on("end", () => {
          if (gone()) callback(null, Buffer.alloc(0));
        });
        for (const event of ["error", "cancelled", "close"]) call.on(event, gone);
      },
    },
  );
  return () => {
    for (const callback of [...open]) {
      open.delete(callback);
      sink.closed();
      callback({ code: status.UNAVAILABLE, details: "the server goes away" });
    }
  };
}
