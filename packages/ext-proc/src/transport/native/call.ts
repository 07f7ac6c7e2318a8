import type { StreamStatus } from "../../stream-machine.ts";

/** The service's end of one stream. A stream machine is one. */
export interface Call {
  /**
   * Takes one message; its bytes belong to the call from now on.
   *
   * @returns false if the peer should be read no further until `Reply.resume`; what comes nevertheless must be taken
   */
  receive(message: Uint8Array): boolean;
  /** The peer will send nothing more. */
  halfClosed(): void;
  /** The stream is gone. Harmless after the call has finished. */
  cancelled(): void;
  /** `Reply.send` returned false and takes more now. */
  drained(): void;
  /** The server goes away: end what would not end by itself. */
  retire?(): void;
}

/** The transport's end of one stream, given to the service. Harmless after the stream has ended. */
export interface Reply {
  /** Sends one message. @returns false if nothing more should be sent until `Call.drained`; this message is taken */
  send(message: Uint8Array): boolean;
  /** Ends the stream behind what was sent, with OK if no status is given. */
  finish(status?: StreamStatus): void;
  /** Messages are wanted again after `Call.receive` returned false. */
  resume(): void;
}

/** A gRPC method. */
export interface Service {
  open(reply: Reply): Call;
  /** A stream that was opened has ended, in whatever way. */
  closed(): void;
}
