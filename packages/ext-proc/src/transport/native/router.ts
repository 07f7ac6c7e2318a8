import type { Service } from "./call.ts";
import { GRPC_STATUS } from "./grpc-status.ts";
import { parseGrpcTimeout } from "./grpc-timeout.ts";
import type { ConnectionLimits } from "./limits.ts";
import { HEADERS_TOO_LARGE, METHOD_NOT_ALLOWED, UNSUPPORTED_MEDIA_TYPE } from "./replies.ts";
import type { RequestHead } from "./request-head.ts";
import type { Stream } from "./stream.ts";

/** Hands new streams to services by their path. */
export type Router = (head: RequestHead, stream: Stream) => void;

/** `application/grpc`, alone or with the name of a message format or parameters behind it; not `application/grpc-web`. */
const GRPC_CONTENT_TYPE = /^application\/grpc(?:[+;]|$)/i;

export function createRouter(
  services: ReadonlyMap<string, Service>,
  { maxHeaderListBytes }: Pick<ConnectionLimits, "maxHeaderListBytes">,
): Router {
  return (head, stream) => {
    if (head.listBytes > maxHeaderListBytes) {
      stream.replyHttp(HEADERS_TOO_LARGE);
      return;
    }
    if (head.contentType === undefined || !GRPC_CONTENT_TYPE.test(head.contentType)) {
      stream.replyHttp(UNSUPPORTED_MEDIA_TYPE);
      return;
    }
    if (head.method !== "POST") {
      stream.replyHttp(METHOD_NOT_ALLOWED);
      return;
    }
    const service = services.get(head.path);
    if (service === undefined) {
      const message = `The server does not implement the method ${head.path}`;
      stream.finish({ code: GRPC_STATUS.UNIMPLEMENTED, message });
      return;
    }
    const timeoutMs = head.timeout === undefined ? undefined : parseGrpcTimeout(head.timeout);
    if (head.timeout !== undefined && timeoutMs === undefined) {
      stream.finish({ code: GRPC_STATUS.INTERNAL, message: `Invalid grpc-timeout value "${head.timeout}"` });
      return;
    }
    stream.open(service, timeoutMs);
  };
}
