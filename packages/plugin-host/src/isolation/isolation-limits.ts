/** Times and sizes of worker threads. */
export interface IsolationLimits {
  /** Longest wait for the votes of all workers, within the request's deadline. Milliseconds. */
  readonly deadlineMs: number;
  /** Limit of the old generation of a worker's heap in MiB. */
  readonly heapMb: number;
  /** Pause between two pings in milliseconds. */
  readonly pingMs: number;
  /** Unanswered pings in a row after which a worker is ended and started again. */
  readonly missedPings: number;
  /** Pause before the first restart in milliseconds; doubles with each one up to `longestPauseMs`. */
  readonly pauseMs: number;
  readonly longestPauseMs: number;
  /** A worker that lived this long has the first pause again. Milliseconds. */
  readonly healthyMs: number;
  /** Limit of one set-up of a restart, and of one release. Milliseconds. */
  readonly stepMs: number;
}

export const isolationLimits: IsolationLimits = Object.freeze({
  deadlineMs: 20,
  heapMb: 128,
  pingMs: 250,
  missedPings: 4,
  pauseMs: 100,
  longestPauseMs: 30_000,
  healthyMs: 60_000,
  stepMs: 10_000,
});
