import type { ExtProcClient, ExtProcStatus, ProcessingResponse } from "@pointsman/ext-proc";
import type { Message } from "./notation.ts";

/** What came back on one stream. */
export interface Replay {
  readonly sent: readonly Message[];
  readonly answers: readonly ProcessingResponse[];
  readonly status: ExtProcStatus;
}

/** A stream that a test drives message by message. */
export interface LiveStream {
  readonly sent: Message[];
  readonly answers: ProcessingResponse[];
  send(...messages: readonly Message[]): void;
  /** Resolves when this many answers have come in all. */
  answered(count: number): Promise<void>;
  halfClose(): void;
  cancel(): void;
  pause(): void;
  resume(): void;
  readonly ended: Promise<ExtProcStatus>;
}

export function openStream(client: ExtProcClient): LiveStream {
  const answers: ProcessingResponse[] = [];
  const sent: Message[] = [];
  const waiting: { count: number; resolve: () => void; reject: (error: Error) => void }[] = [];
  let settle!: (status: ExtProcStatus) => void;
  const ended = new Promise<ExtProcStatus>((resolve) => {
    settle = resolve;
  });
  const stream = client.open({
    onResponse(answer) {
      answers.push(answer);
      for (const waiter of waiting) if (answers.length >= waiter.count) waiter.resolve();
    },
    onEnd(status) {
      settle(status);
      const error = new Error(`the stream ended with status ${status.code} after ${answers.length} answers`);
      for (const waiter of waiting) waiter.reject(error);
    },
  });
  return {
    sent,
    answers,
    ended,
    send(...messages) {
      sent.push(...messages);
      for (const message of messages) stream.send(message.wire ?? message);
    },
    answered: (count) =>
      answers.length >= count
        ? Promise.resolve()
        : new Promise((resolve, reject) => waiting.push({ count, resolve, reject })),
    halfClose: () => stream.halfClose(),
    cancel: () => stream.cancel(),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
  };
}

/** Sends all messages at once, closes its half, and waits for the end of the stream. */
export async function replay(client: ExtProcClient, messages: readonly Message[]): Promise<Replay> {
  const stream = openStream(client);
  stream.send(...messages);
  stream.halfClose();
  const status = await stream.ended;
  return { sent: messages, answers: stream.answers, status };
}

/** Sends each message only when as many answers have come as messages were sent, as Envoy does in its waiting modes. */
export async function replayInTurn(client: ExtProcClient, messages: readonly Message[]): Promise<Replay> {
  const stream = openStream(client);
  for (const [i, message] of messages.entries()) {
    stream.send(message);
    await stream.answered(i + 1);
  }
  stream.halfClose();
  const status = await stream.ended;
  return { sent: messages, answers: stream.answers, status };
}

/** Waits for something that happens soon, without relying on how soon. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
