import type { Account } from "./account.ts";
import type { ExpectedCostOptions } from "./options.ts";

/** Use of the KV cache, by running requests, from which further ones have to wait. */
const FULL = 0.9;

/** What is known about one request at one endpoint. */
export interface CostInput {
  readonly account: Account;
  /** Mean load of the candidates, in milliseconds. */
  readonly meanLoadMs: number;
  /** What a millisecond of waiting counts at the moment; see {@link waitWeightAt}. */
  readonly waitWeight: number;
  readonly now: number;
  /** Prompt tokens, and those of them that the endpoint must compute. */
  readonly tokens: number;
  readonly uncachedTokens: number;
  /** Tokens the endpoint computes in a millisecond, and an endpoint of capacity 1 does. */
  readonly tokensPerMs: number;
  readonly unitTokensPerMs: number;
  /** Tokens its KV cache has room for; `NaN` = unknown. */
  readonly roomTokens: number;
}

/**
 * `waitWeight` + `idleWaitWeight` × (1 − busy)², where busy is the share of endpoints with work waiting: about how much of
 * the fleet is used. Prompts that are computed again delay others only where there are others.
 */
export function waitWeightAt(busy: number, { waitWeight, idleWaitWeight }: ExpectedCostOptions): number {
  return waitWeight + idleWaitWeight * (1 - busy) ** 2;
}

/**
 * Milliseconds that the request is expected to cost:
 * uncached tokens / speed + weight × waiting work + `memoryWeight` × overfull share × residence + balance.
 *
 * - The overfull share is max(0, (tokens of requests under way, this one included) / room − 0.9); what is too much
 *   leaves in that share of the time that requests stay (Little's law).
 * - balance = whole prompt / speed × (`balanceBias` × d + max(0, d − `balanceFrom`) / (`balanceFull` − `balanceFrom`)),
 *   with d = load / mean load − 1: above `balanceFull` even a completely cached prompt goes elsewhere.
 */
export function expectedCostMs(input: CostInput, options: ExpectedCostOptions): number {
  const { account, meanLoadMs, tokens } = input;
  const { balanceFrom, balanceFull, balanceBias } = options;
  const workMs = input.uncachedTokens / input.tokensPerMs;
  const waitMs = input.waitWeight * account.waitingMs(input.now);
  // False for NaN: room that is not known is enough.
  const overfull = (account.residentTokens + tokens) / input.roomTokens - FULL;
  const memoryMs = overfull > 0 ? options.memoryWeight * overfull * account.residenceMs : 0;
  const difference = meanLoadMs > 0 ? account.loadMs / meanLoadMs - 1 : 0;
  const excess = Math.max(0, difference - balanceFrom) / Math.max(0.01, balanceFull - balanceFrom);
  const balanceMs = (tokens / input.unitTokensPerMs) * (balanceBias * difference + excess);
  return workMs + waitMs + memoryMs + balanceMs;
}
