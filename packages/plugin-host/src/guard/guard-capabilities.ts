import type { Capabilities, CapabilityName, InstanceLifecycle } from "@pointsman/plugin-api";
import type { PluginEntry } from "../plugin-entry.ts";
import { CallMeter } from "./call-meter.ts";
import { type BreakerState, CircuitBreaker } from "./circuit-breaker.ts";
import type { Guard } from "./guard.ts";
import { guardAdmitter } from "./guard-admitter.ts";
import { guardFilter } from "./guard-filter.ts";
import { guardDecider, guardProfileHandler } from "./guard-handler.ts";
import {
  guardAfterResponse,
  guardPostChoice,
  guardPreCall,
  guardResponseChunk,
  guardResponseHeaders,
} from "./guard-hooks.ts";
import { type GuardedParser, guardParser } from "./guard-parser.ts";
import { guardPicker } from "./guard-picker.ts";
import { guardProducer } from "./guard-producer.ts";
import { guardScorer } from "./guard-scorer.ts";

/**
 * Guarded capabilities of one instance: calling those of the request path never throws. Scrapers, extractors and
 * discoveries are as the plugin made them; the loops that run them have their own limits and back-off.
 */
export interface GuardedCapabilities extends Omit<Capabilities, "parser" | keyof InstanceLifecycle> {
  readonly parser?: GuardedParser;
}

export interface GuardOptions {
  readonly now: () => number;
  /** Consecutive failures that open a circuit. Default 5. */
  readonly breakerThreshold?: number;
  /** First pause of an open circuit in milliseconds. Default 5000. */
  readonly breakerCoolDownMs?: number;
  /** Longest acceptable synchronous call in milliseconds. Default 20. */
  readonly budgetMs?: number;
  readonly onBreaker?: (instance: string, capability: CapabilityName, state: BreakerState, cause: unknown) => void;
}

/** Wraps every capability of an instance; the guards can be read for metrics and reports. */
export function guardCapabilities(
  capabilities: Capabilities,
  entry: PluginEntry,
  options: GuardOptions,
): { readonly guarded: GuardedCapabilities; readonly guards: ReadonlyMap<CapabilityName, Guard> } {
  const guards = new Map<CapabilityName, Guard>();
  const guardOf = (capability: CapabilityName): Guard => {
    const breaker = new CircuitBreaker({
      threshold: options.breakerThreshold ?? 5,
      coolDownMs: options.breakerCoolDownMs ?? 5_000,
      now: options.now,
    });
    const meter = new CallMeter();
    const guard: Guard = { instance: entry.name, meter, breaker, caller: "", budgetMs: options.budgetMs ?? 20 };
    breaker.onChange = (state) => options.onBreaker?.(entry.name, capability, state, guard.meter.lastError);
    guards.set(capability, guard);
    return guard;
  };
  const { filter, scorer, picker, profileHandler, decider, producer, parser, admitter } = capabilities;
  const { scraper, extractor, discovery, connector } = capabilities;
  // Hooks may be methods of a class instance.
  const preCall = capabilities.preCall?.bind(capabilities);
  const postChoice = capabilities.postChoice?.bind(capabilities);
  const responseHeaders = capabilities.responseHeaders?.bind(capabilities);
  const responseChunk = capabilities.responseChunk?.bind(capabilities);
  const afterResponse = capabilities.afterResponse?.bind(capabilities);
  const rejects = entry.onError === "reject" || entry.onError === "pass" ? entry.onError : undefined;
  const refuses = entry.onError === "admit" || entry.onError === "refuse" ? entry.onError : undefined;
  const guarded: GuardedCapabilities = {
    ...(filter && { filter: guardFilter(filter, guardOf("filter"), rejects ?? filter.onError ?? "pass") }),
    ...(scorer && { scorer: guardScorer(scorer, guardOf("scorer")) }),
    ...(picker && { picker: guardPicker(picker, guardOf("picker")) }),
    ...(profileHandler && { profileHandler: guardProfileHandler(profileHandler, guardOf("profileHandler")) }),
    ...(decider && { decider: guardDecider(decider, guardOf("decider")) }),
    ...(producer && { producer: guardProducer(producer, guardOf("producer")) }),
    ...(parser && { parser: guardParser(parser, guardOf("parser")) }),
    ...(admitter && { admitter: guardAdmitter(admitter, guardOf("admitter"), refuses ?? admitter.onError ?? "admit") }),
    ...(preCall && { preCall: guardPreCall(preCall, guardOf("preCall")) }),
    ...(postChoice && { postChoice: guardPostChoice(postChoice, guardOf("postChoice")) }),
    ...(responseHeaders && { responseHeaders: guardResponseHeaders(responseHeaders, guardOf("responseHeaders")) }),
    ...(responseChunk && { responseChunk: guardResponseChunk(responseChunk, guardOf("responseChunk")) }),
    ...(afterResponse && { afterResponse: guardAfterResponse(afterResponse, guardOf("afterResponse")) }),
    ...(scraper && { scraper }),
    ...(extractor && { extractor }),
    ...(discovery && { discovery }),
    ...(connector && { connector }),
  };
  return { guarded, guards };
}
