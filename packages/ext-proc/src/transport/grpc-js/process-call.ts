import type { ServerDuplexStream } from "@grpc/grpc-js";
import { asBuffer } from "../../codec/wire-reader.ts";
import { createStreamMachine, type StreamMachineOptions } from "../../stream-machine.ts";

/** Connects one grpc-js call to one stream machine. `ended` is called once, when the call needs nothing any more. */
export function runProcessCall(
  call: ServerDuplexStream<Buffer, Buffer>,
  options: Omit<StreamMachineOptions, "send" | "finish" | "resume">,
  ended: () => void,
): void {
  const machine = createStreamMachine({
    ...options,
    send: (message) => call.write(asBuffer(message)),
    finish(failure) {
      if (failure === undefined) call.end();
      else call.emit("error", { code: failure.code, details: failure.message });
      // What the peer still sends is dropped, but it must flow: the connection's window is shared by all streams.
      call.resume();
    },
    resume: () => call.resume(),
  });
  call.on("data", (message: Buffer) => {
    if (!machine.receive(message)) call.pause();
  });
  call.on("drain", () => machine.drained());
  call.on("end", () => machine.halfClosed());
  // grpc-js emits `cancelled` at the end of every call, after `end` of a normal one; the machine takes the first.
  // Without it a call can only be gone in one more way: destroyed together with its connection.
  call.once("cancelled", () => machine.cancelled());
  call.once("close", () => {
    machine.cancelled();
    ended();
  });
}
