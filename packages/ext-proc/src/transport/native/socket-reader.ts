import { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/**
 * All cleartext connections of a thread are read into this one buffer: whatever is read is used up before the next
 * read. Large reads bring the frames of many streams at once.
 */
const READ_BYTES = 256 * 1024;
let sharedBuffer: Buffer | undefined;

interface Handle {
  readonly useUserBuffer?: unknown;
  readonly readStart?: unknown;
}

/**
 * Begins to read a socket that was accepted and, in cleartext, paused. The bytes are valid during the callback only.
 *
 * Node offers reading into a given buffer for sockets that connect, not for those that a server accepts, so the handle
 * of the accepted one is moved to a new socket. Where that is not possible (another release of Node, TLS) the socket
 * is read in the usual way, with a new buffer for each read.
 *
 * @returns the socket to use from now on
 */
export function readSocket(accepted: Socket, onBytes: (bytes: Buffer) => void): Socket {
  const holder = accepted as unknown as { _handle: Handle | null };
  const handle = holder._handle;
  const movable = typeof handle?.useUserBuffer === "function" && typeof handle.readStart === "function";
  if (!movable || accepted instanceof TLSSocket) {
    accepted.on("data", onBytes);
    accepted.resume();
    return accepted;
  }
  holder._handle = null;
  sharedBuffer ??= Buffer.allocUnsafeSlow(READ_BYTES);
  const options = {
    handle,
    onread: {
      buffer: sharedBuffer,
      callback(length: number, buffer: Uint8Array): boolean {
        onBytes((buffer as Buffer).subarray(0, length));
        return true;
      },
    },
  };
  const socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
  socket.resume();
  return socket;
}
