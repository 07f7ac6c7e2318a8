/** Takes a response body. `ended` or `failed` comes once and last. */
export interface BodySink {
  data(chunk: Buffer): void;
  ended(): void;
  failed(error: Error): void;
}

/** A response body that waits until somebody wants it. */
export interface BodySource {
  /** Starts the flow. Call it once, also for a body that has no bytes. */
  start(sink: BodySink): void;
  /** A chunk or two may still come. */
  pause(): void;
  resume(): void;
  /** Gives the rest up. The sink hears nothing more. */
  abort(): void;
}

/** A body that is in memory. */
export function bodyOfBytes(body: Buffer): BodySource {
  let aborted = false;
  return {
    start(sink) {
      if (aborted) return;
      if (body.length > 0) sink.data(body);
      if (!aborted) sink.ended();
    },
    pause() {},
    resume() {},
    abort() {
      aborted = true;
    },
  };
}
