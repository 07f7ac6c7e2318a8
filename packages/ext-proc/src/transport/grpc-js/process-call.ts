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
  // A reset, too, may be seen as `end` first and as `cancelled` some milliseconds later; and `cancelled` comes at the
  // end of every call. The machine takes whichever comes first as the end of the stream.
  call.on("end", () => machine.halfClosed());
  call.once("cancelled", () => machine.cancelled());
  call.once("close", () => {
    machine.cancelled();
    ended();
  });
}
