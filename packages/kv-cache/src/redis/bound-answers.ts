import type { Redis } from "ioredis";

/** An answer that has not ended after so many bytes never will. The largest of ours has a few megabytes. */
const LARGEST_ANSWER = 32 * 1_024 * 1_024;

/** What is used of a connection beside its public face. */
interface Internals {
  readonly stream: NodeJS.ReadableStream & { destroy(error?: Error): void };
  readonly commandQueue: { peekFront(): unknown };
}

/**
 * Closes connections on which an answer does not end, so that a server that is no Redis cannot fill the memory of this
 * process: ioredis collects what it gets for as long as it comes.
 */
export function boundAnswers(redis: Redis): void {
  redis.on("connect", () => {
    const { stream } = redis as unknown as Internals;
    let waitsFor: unknown;
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => {
      // Read anew each time: a connection gets another queue when it is made.
      const next = (redis as unknown as Internals).commandQueue.peekFront();
      bytes = next === waitsFor ? bytes + chunk.length : 0;
      waitsFor = next;
      if (bytes > LARGEST_ANSWER) stream.destroy(new Error("an answer of Redis does not end"));
    });
  });
}
