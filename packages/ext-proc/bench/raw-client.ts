import { connect, type Socket } from "node:net";
import { encodeProcessingRequest, type ProcessingRequestInput } from "../src/codec/processing-request.ts";
import { FLAG, FRAME, FRAME_HEADER_BYTES, SETTING } from "../src/transport/native/http2.ts";
import { data, end, frame, headers, hello, message, settingsAck, windowUpdate } from "../test/http2-frames.ts";

/** One turn of a conversation: messages that go out together, and how many answers are awaited before the next. */
export interface Step {
  readonly frames: Buffer;
  readonly answers: number;
}

const HUGE_WINDOW = 0x7000_0000;

/** Frames of a stream whose number is filled in later. */
export const openFrame = (): Buffer => headers(0);
export const messageFrame = (input: ProcessingRequestInput): Buffer => data(0, message(encodeProcessingRequest(input)));
export const endFrame = (): Buffer => end(0);

class Conversation {
  step = 0;
  answers = 0;
  /** Bytes of the prefix seen, then bytes of the message left. */
  prefix = 0;
  length = 0;
  left = 0;
}

/**
 * A client that replays frames made beforehand, so that the server is what is measured. It counts answers and trusts
 * their content, which tests have looked at.
 */
export class RawClient {
  readonly #socket: Socket;
  readonly #steps: readonly Step[];
  readonly #conversations = new Map<number, Conversation>();
  readonly #finished: () => void;
  #rest: Buffer = Buffer.alloc(0);
  #nextId = 1;
  #out: Buffer[] = [];

  /** @param finished called for each stream that has ended, or, if the last step does not end it, has got its answers */
  constructor(port: number, steps: readonly Step[], finished: () => void) {
    this.#steps = steps;
    this.#finished = finished;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#out.push(hello([SETTING.INITIAL_WINDOW_SIZE, HUGE_WINDOW]), windowUpdate(0, HUGE_WINDOW));
    this.#socket.on("data", (bytes: Buffer) => this.#read(bytes));
  }

  open(): void {
    const id = this.#nextId;
    this.#nextId += 2;
    const conversation = new Conversation();
    this.#conversations.set(id, conversation);
    this.#send(id, this.#steps[0]!.frames);
  }

  flush(): void {
    if (this.#out.length === 0) return;
    this.#socket.write(this.#out.length === 1 ? this.#out[0]! : Buffer.concat(this.#out));
    this.#out = [];
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Copies the frames and puts the stream's id into each. */
  #send(id: number, frames: Buffer): void {
    const copy = Buffer.from(frames);
    for (let at = 0; at < copy.length; at += FRAME_HEADER_BYTES + copy.readUIntBE(at, 3))
      copy.writeUInt32BE(id, at + 5);
    this.#out.push(copy);
  }

  #read(received: Buffer): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, received]) : received;
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const length = bytes.readUIntBE(at, 3);
      const end = at + FRAME_HEADER_BYTES + length;
      if (end > bytes.length) break;
      this.#frame(bytes[at + 3]!, bytes[at + 4]!, bytes.readUInt32BE(at + 5), bytes, at + FRAME_HEADER_BYTES, end);
      at = end;
    }
    this.#rest = bytes.subarray(at);
    this.flush();
  }

  #frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (type === FRAME.DATA) this.#data(id, bytes, start, end);
    else if (type === FRAME.HEADERS && flags & FLAG.END_STREAM) this.#end(id);
    else if (type === FRAME.SETTINGS && !(flags & FLAG.ACK)) this.#out.push(settingsAck());
    else if (type === FRAME.PING && !(flags & FLAG.ACK))
      this.#out.push(frame(FRAME.PING, FLAG.ACK, 0, bytes.subarray(start, end)));
    else if (type === FRAME.GOAWAY || type === FRAME.RST_STREAM) throw new Error(`frame ${type} on stream ${id}`);
  }

  #data(id: number, bytes: Buffer, start: number, end: number): void {
    const conversation = this.#conversations.get(id)!;
    let at = start;
    while (at < end) {
      if (conversation.prefix < 5) {
        if (conversation.prefix++ > 0) conversation.length = conversation.length * 256 + bytes[at]!;
        conversation.left = conversation.length;
        at++;
      } else {
        const piece = Math.min(conversation.left, end - at);
        conversation.left -= piece;
        at += piece;
      }
      if (conversation.prefix < 5 || conversation.left > 0) continue;
      conversation.prefix = 0;
      conversation.length = 0;
      if (++conversation.answers === this.#steps[conversation.step]!.answers) this.#next(id, conversation);
    }
  }

  #next(id: number, conversation: Conversation): void {
    conversation.answers = 0;
    const step = this.#steps[++conversation.step];
    if (step === undefined) this.#finished();
    else this.#send(id, step.frames);
  }

  #end(id: number): void {
    if (this.#conversations.get(id)?.step !== this.#steps.length - 1) throw new Error(`stream ${id} ended early`);
    this.#conversations.delete(id);
    this.#finished();
  }
}
