/** Share of a new duration in the running mean. */
const RESIDENCE_STEP = 0.05;
/** Taken for the time that a request stays, in milliseconds, until one has ended. */
const FIRST_RESIDENCE_MS = 3_000;

/**
 * What was given to one endpoint. Work is in milliseconds of computing there.
 *
 * Waiting work runs off with time, as a queue does that is served in order. When a request has ended, all that was
 * given before it has been computed, so what is left can only be what came after: that corrects a wrong speed.
 */
export class Account {
  /** Work of the past, which fades as requests are routed. */
  loadMs: number;
  /** Prompt tokens of requests that have not ended: they hold KV blocks. */
  residentTokens = 0;
  /** How long requests stay, on average. */
  residenceMs = FIRST_RESIDENCE_MS;
  #waitingMs = 0;
  #at = Number.NEGATIVE_INFINITY;
  /** All work ever given, and that part of it which is known to be done. */
  #givenMs = 0;
  #doneMs = 0;

  constructor(loadMs: number) {
    this.loadMs = loadMs;
  }

  /** Work that a request would wait for. @param now milliseconds, not before the last call's. */
  waitingMs(now: number): number {
    if (now > this.#at) {
      this.#waitingMs = Math.max(0, this.#waitingMs - (now - this.#at));
      this.#at = now;
    }
    return this.#waitingMs;
  }

  /** @returns the position of the work in the queue, for {@link done}. */
  give(now: number, workMs: number, tokens: number): number {
    this.#waitingMs = this.waitingMs(now) + workMs;
    this.#givenMs += workMs;
    this.loadMs += workMs;
    this.residentTokens += tokens;
    return this.#givenMs;
  }

  /** The request has left its prompt computed. */
  done(position: number, tokens: number, durationMs: number): void {
    this.residentTokens -= tokens;
    this.#doneMs = Math.max(this.#doneMs, position);
    this.#waitingMs = Math.min(this.#waitingMs, this.#givenMs - this.#doneMs);
    if (durationMs > 0) this.residenceMs += RESIDENCE_STEP * (durationMs - this.residenceMs);
  }

  /** The request did not run here. */
  takeBack(workMs: number, tokens: number): void {
    this.#waitingMs = Math.max(0, this.#waitingMs - workMs);
    this.loadMs = Math.max(0, this.loadMs - workMs);
    this.residentTokens -= tokens;
  }
}
