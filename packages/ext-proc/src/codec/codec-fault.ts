/** What is wrong with the bytes of a message. */
export type CodecFaultCode =
  | "truncated"
  | "varint-too-long"
  | "wrong-wire-type"
  | "invalid-tag"
  | "nested-too-deep"
  | "unknown-message";

/**
 * The bytes are not a message of the protocol.
 *
 * Decoders throw nothing else, whatever the bytes are, and always terminate: every step consumes at least one byte.
 */
export class CodecFault extends Error {
  readonly code: CodecFaultCode;
  /** Offset in the buffer that was decoded, in bytes. */
  readonly offset: number;

  constructor(code: CodecFaultCode, offset: number, message: string) {
    super(`${message} (${code} at byte ${offset})`);
    this.name = "CodecFault";
    this.code = code;
    this.offset = offset;
  }
}
