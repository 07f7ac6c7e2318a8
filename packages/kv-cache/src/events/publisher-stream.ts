import { xxHash64 } from "../keys/block-keys.ts";

/** What a stream has noticed; all counts only grow. */
export interface StreamCounts {
  messages: number;
  /** Messages that came twice. */
  duplicates: number;
  /** Times that messages are known to be missing. */
  gaps: number;
  /** Times that the publisher has started anew. */
  restarts: number;
  replays: number;
  failedReplays: number;
  /** Times that the endpoint's blocks were forgotten because it was no longer certain that they are right. */
  resets: number;
}

export function noStreamCounts(): StreamCounts {
  return { messages: 0, duplicates: 0, gaps: 0, restarts: 0, replays: 0, failedReplays: 0, resets: 0 };
}

export interface StreamSinks {
  /** Messages as they should be applied: in order, without repetition. */
  apply(payload: Buffer): void;
  /** Everything that was applied is void. */
  reset(why: string): void;
  /**
   * Asks for what the publisher has kept from a sequence number on; absent when it cannot be asked.
   * @see requestReplay
   */
  readonly replay:
    | ((from: number, signal: AbortSignal, onBatch: (sequence: number, payload: Buffer) => boolean) => Promise<void>)
    | undefined;
}

/** After a failed replay the next one waits so long. */
const REPLAY_PAUSE_MS = 30_000;
/** Replays in a row, without a message in order between them. */
const MAX_ATTEMPTS = 4;
/** A lost connection makes blocks uncertain after so long: the engine has probably gone. */
const UNCERTAIN_MS = 10_000;
/** What may wait while a replay runs. */
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/**
 * The messages of one publisher in their order, by the sequence numbers that it gives them.
 *
 * Missing messages are asked for at the replay socket. Where that is not possible, the endpoint's blocks are forgotten
 * and known anew from what follows: a missed removal would be a block that is not there. A connection that was lost
 * and found again is continued only if the replay begins with the very message that was last.
 */
export class PublisherStream {
  readonly counts: StreamCounts;
  readonly #sinks: StreamSinks;
  /** Sequence number of the last message applied. */
  #last: number | undefined;
  /** Payload of that message, for comparison. */
  #lastPayload: Buffer | undefined;
  #lastDigest: string | undefined;
  #connected = false;
  /** No message has come on this connection yet. */
  #fresh = true;
  #uncertain: NodeJS.Timeout | undefined;
  #replaying: AbortController | undefined;
  #replayAfter = 0;
  #waiting: { readonly sequence: number; readonly payload: Buffer }[] = [];
  #waitingBytes = 0;
  #overflowed = false;
  /** Replays since messages were last in order. */
  #attempts = 0;

  constructor(sinks: StreamSinks, counts: StreamCounts) {
    this.#sinks = sinks;
    this.counts = counts;
  }

  /** Messages begin to arrive. */
  connected(): void {
    clearTimeout(this.#uncertain);
    this.#connected = true;
    this.#fresh = true;
    if (this.#canReplay()) this.#resync(this.#last === undefined ? "all" : "verify");
  }

  /** No more messages arrive until `connected`. */
  disconnected(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#replaying?.abort();
    if (this.#lastPayload !== undefined) {
      this.#lastDigest = xxHash64(this.#lastPayload).toString();
      this.#lastPayload = undefined;
    }
    this.#uncertain = setTimeout(
      () => this.#reset(`there was no connection for ${UNCERTAIN_MS / 1_000} s`),
      UNCERTAIN_MS,
    );
    this.#uncertain.unref();
  }

  close(): void {
    clearTimeout(this.#uncertain);
    this.#connected = false;
    this.#replaying?.abort();
  }

  message(sequence: number, payload: Buffer): void {
    this.counts.messages += 1;
    if (this.#replaying !== undefined) {
      this.#wait(sequence, payload);
      return;
    }
    const last = this.#last;
    const fresh = this.#fresh;
    this.#fresh = false;
    if (last === undefined || sequence === last + 1) {
      // Without a replay nobody can tell whether it is still the same process that counts.
      if (fresh && last !== undefined) this.#reset("the connection was lost and what came meanwhile is not known");
      this.#attempts = 0;
      this.#apply(sequence, payload);
    } else if (sequence === last && !fresh) {
      this.counts.duplicates += 1;
    } else {
      this.#outOfOrder(sequence, payload, last);
    }
  }

  #outOfOrder(sequence: number, payload: Buffer, last: number): void {
    const restarted = sequence <= last;
    if (restarted) this.counts.restarts += 1;
    else this.counts.gaps += 1;
    const why = restarted
      ? `the publisher has started anew: message ${sequence} after ${last}`
      : `messages ${last + 1} to ${sequence - 1} are missing`;
    if (this.#canReplay()) {
      if (restarted) this.#reset(why);
      this.#wait(sequence, payload);
      this.#resync(restarted ? "all" : "continue");
      return;
    }
    this.#reset(why);
    this.#apply(sequence, payload);
  }

  #apply(sequence: number, payload: Buffer): void {
    this.#last = sequence;
    this.#lastPayload = payload;
    this.#sinks.apply(payload);
  }

  #reset(why: string): void {
    this.#last = undefined;
    this.#lastPayload = undefined;
    this.#lastDigest = undefined;
    this.counts.resets += 1;
    this.#sinks.reset(why);
  }

  #canReplay(): boolean {
    if (this.#sinks.replay === undefined || performance.now() < this.#replayAfter) return false;
    if (this.#attempts < MAX_ATTEMPTS) return true;
    // What the publisher replays does not join what it sends: no use to go on asking.
    this.#attempts = 0;
    this.#replayAfter = performance.now() + REPLAY_PAUSE_MS;
    return false;
  }

  #wait(sequence: number, payload: Buffer): void {
    if (this.#waiting.length >= MAX_WAITING || this.#waitingBytes + payload.length > MAX_WAITING_BYTES) {
      this.#overflowed = true;
      return;
    }
    // A view of a larger piece of memory: kept for long, it must not hold all of that.
    this.#waiting.push({ sequence, payload: Buffer.from(payload) });
    this.#waitingBytes += payload.length;
  }

  #takeWaiting(): { readonly sequence: number; readonly payload: Buffer }[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return waiting;
  }

  /**
   * Gets what is missing; messages wait meanwhile.
   * @param what `all`: what the publisher has. `continue`: what follows the last message. `verify`: the same, beginning
   *   with the last message itself.
   */
  #resync(what: "all" | "continue" | "verify"): void {
    this.#attempts += 1;
    const abort = new AbortController();
    this.#replaying = abort;
    this.#overflowed = false;
    void this.#replay(what, abort.signal).then(
      () => this.#resume(abort, undefined),
      (error: unknown) => this.#resume(abort, error),
    );
  }

  async #replay(what: "all" | "continue" | "verify", signal: AbortSignal): Promise<void> {
    const replay = this.#sinks.replay!;
    this.counts.replays += 1;
    const last = this.#last;
    if (what !== "all" && last !== undefined) {
      const from = what === "verify" ? last : last + 1;
      const state = { expected: from, matches: true };
      await replay(from, signal, (sequence, payload) => {
        state.matches = sequence === state.expected && (sequence > last || this.#isLast(payload));
        if (!state.matches) return false;
        state.expected += 1;
        if (sequence > last) this.#apply(sequence, payload);
        return true;
      }).catch((error: unknown) => {
        if (state.matches) throw error;
      });
      // Not even the last message: the publisher has started anew, or no longer has what is wanted.
      if (state.matches && state.expected > from) return;
      if (state.expected === from && what === "verify") this.counts.restarts += 1;
      this.#reset("the publisher no longer has what follows the last message");
    }
    let expected = -1;
    await replay(0, signal, (sequence, payload) => {
      if (expected >= 0 && sequence !== expected) return false;
      expected = sequence + 1;
      this.#apply(sequence, payload);
      return true;
    });
  }

  #isLast(payload: Buffer): boolean {
    if (this.#lastPayload !== undefined) return this.#lastPayload.equals(payload);
    return this.#lastDigest === xxHash64(payload).toString();
  }

  /** A replay has ended: what has waited follows. */
  #resume(abort: AbortController, error: unknown): void {
    if (this.#replaying !== abort) return;
    this.#replaying = undefined;
    const waiting = this.#takeWaiting();
    // The next connection begins with a replay of its own.
    if (abort.signal.aborted) return;
    this.#fresh = false;
    if (error !== undefined) {
      this.counts.failedReplays += 1;
      this.#replayAfter = performance.now() + REPLAY_PAUSE_MS;
      this.#onReplayFailed(error instanceof Error ? error.message : String(error));
    }
    for (const { sequence, payload } of waiting) {
      // The replay has had it.
      if (this.#replaying === undefined && this.#last !== undefined && sequence <= this.#last) continue;
      if (this.#replaying === undefined) this.#follow(sequence, payload);
      else this.#wait(sequence, payload);
    }
    if (this.#overflowed && this.#replaying === undefined && this.#canReplay()) this.#resync("continue");
  }

  #onReplayFailed(why: string): void {
    if (this.#last !== undefined) this.#reset(`the replay has failed: ${why}`);
  }

  /** A message that has waited. */
  #follow(sequence: number, payload: Buffer): void {
    const last = this.#last;
    if (last === undefined || sequence === last + 1) this.#apply(sequence, payload);
    else this.#outOfOrder(sequence, payload, last);
  }
}
