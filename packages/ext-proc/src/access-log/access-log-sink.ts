import { type AccessLogEntry, decodeAccessLogMessage } from "./access-log-entry.ts";

/** The gRPC method by which a proxy sends its access log. */
export const ACCESS_LOG_METHOD = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";

/** Who is told of the proxy's access log. Must not throw. */
export interface AccessLogSink {
  /** A proxy has begun to send. */
  opened(): void;
  entry(entry: AccessLogEntry): void;
  /** A proxy sends no more. */
  closed(): void;
}

/**
 * Hands over what a message carries.
 *
 * @throws CodecFault for a malformed message, of which nothing is handed over
 */
export function deliverAccessLog(message: Uint8Array, sink: AccessLogSink): void {
  for (const entry of decodeAccessLogMessage(message)) sink.entry(entry);
}
