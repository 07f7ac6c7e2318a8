import { decodeHealthCheckRequest, encodeHealthCheckResponse } from "../../codec/health-messages.ts";
import { HEALTH_STATUS, type Health, type HealthStatus } from "../../health.ts";
import type { Call, Reply, Service } from "./call.ts";
import { GRPC_STATUS } from "./grpc-status.ts";

const encoded = (status: HealthStatus) => encodeHealthCheckResponse(HEALTH_STATUS[status]);
const nothing = (): void => {};

/** `grpc.health.v1.Health`: Check of an unknown name fails with NOT_FOUND, Watch reports SERVICE_UNKNOWN. */
export function healthServices(health: Health): readonly (readonly [path: string, service: Service])[] {
  return [
    ["/grpc.health.v1.Health/Check", { open: (reply) => new OneRequest(reply, checkWith(health)), closed: nothing }],
    ["/grpc.health.v1.Health/Watch", { open: (reply) => new OneRequest(reply, watchWith(health)), closed: nothing }],
  ];
}

/** What is done with the one request: returns what ends it when the stream is gone. */
type Handle = (service: string, reply: Reply) => (() => void) | undefined;

function checkWith(health: Health): Handle {
  return (service, reply) => {
    const status = health.status(service);
    if (status === "SERVICE_UNKNOWN") {
      reply.finish({ code: GRPC_STATUS.NOT_FOUND, message: "unknown service" });
    } else {
      reply.send(encoded(status));
      reply.finish();
    }
    return undefined;
  };
}

function watchWith(health: Health): Handle {
  return (service, reply) => health.watch(service, (status) => reply.send(encoded(status)));
}

/** A method that takes exactly one message. */
class OneRequest implements Call {
  readonly #reply: Reply;
  readonly #handle: Handle;
  #request: Uint8Array | undefined;
  #stop: (() => void) | undefined;

  constructor(reply: Reply, handle: Handle) {
    this.#reply = reply;
    this.#handle = handle;
  }

  receive(message: Uint8Array): boolean {
    if (this.#request === undefined) this.#request = message;
    else this.#reply.finish({ code: GRPC_STATUS.UNIMPLEMENTED, message: "more than one request" });
    return true;
  }

  halfClosed(): void {
    if (this.#request === undefined) {
      this.#reply.finish({ code: GRPC_STATUS.UNIMPLEMENTED, message: "no request" });
      return;
    }
    let service: string;
    try {
      service = decodeHealthCheckRequest(this.#request);
    } catch {
      this.#reply.finish({ code: GRPC_STATUS.INVALID_ARGUMENT, message: "malformed HealthCheckRequest" });
      return;
    }
    this.#stop = this.#handle(service, this.#reply);
  }

  cancelled(): void {
    this.#stop?.();
  }

  drained(): void {}

  retire(): void {
    this.#stop?.();
    this.#reply.finish({ code: GRPC_STATUS.UNAVAILABLE, message: "the server goes away" });
  }
}
