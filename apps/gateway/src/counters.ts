/** What a gateway has done since its start; `active` is what it is doing. */
export interface GatewayStats {
  /** Requests received, `/-/ready` apart. */
  readonly requests: number;
  /** Requests whose response has not ended. */
  readonly active: number;
  /** Attempts at another server after one could not be connected to. */
  readonly retries: number;
  /** Immediate responses of the picker that a client got. */
  readonly immediateResponses: number;
  /** Replies for want of a server: none could be reached, or the connection was lost before its response. */
  readonly localReplies: number;
  /** Conversations with the picker that failed, time-outs included. */
  readonly pickerFailures: number;
  /** Of these, requests that went on without the picker. */
  readonly failedOpen: number;
  /** Requests whose client went away before the end. */
  readonly clientAborts: number;
  /** Responses that a model server broke off. */
  readonly upstreamAborts: number;
}

export type Counters = { -readonly [Name in keyof GatewayStats]: number };

export function createCounters(): Counters {
  return {
    requests: 0,
    active: 0,
    retries: 0,
    immediateResponses: 0,
    localReplies: 0,
    pickerFailures: 0,
    failedOpen: 0,
    clientAborts: 0,
    upstreamAborts: 0,
  };
}
