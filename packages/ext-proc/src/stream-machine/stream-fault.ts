/** The peer sent a well-formed message where the protocol does not allow it. */
export class StreamFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = "StreamFault";
  }
}
