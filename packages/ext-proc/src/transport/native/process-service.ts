import { createStreamMachine, type StreamMachineOptions } from "../../stream-machine.ts";
import type { Service } from "./call.ts";

/** The ext_proc method: one stream machine per stream, which speaks for itself. */
export interface ProcessService extends Service {
  /** Streams that have not ended. */
  readonly activeStreams: number;
}

export function createProcessService(
  options: Omit<StreamMachineOptions, "send" | "finish" | "resume">,
): ProcessService {
  let activeStreams = 0;
  return {
    get activeStreams() {
      return activeStreams;
    },
    open(reply) {
      activeStreams++;
      return createStreamMachine({
        ...options,
        send: (message) => reply.send(message),
        finish: (status) => reply.finish(status),
        resume: () => reply.resume(),
      });
    },
    closed() {
      activeStreams--;
    },
  };
}
