import type { Candidates, Producer, ProducerOutput, RequestView } from "@pointsman/plugin-api";
import { begin, failed, finished, type Guard, isPromise } from "./guard.ts";
import { settle } from "./guard-hooks.ts";

/** As the contract of producers says. */
const DEFAULT_TIMEOUT_MS = 400;

/** A producer that fails leaves its keys absent; the returned promise never rejects. */
export function guardProducer(producer: Producer, guard: Guard): Producer {
  return {
    ...(producer.timeoutMs === undefined ? {} : { timeoutMs: producer.timeoutMs }),
    produce(request: RequestView, candidates: Candidates, output: ProducerOutput): void | Promise<void> {
      if (!guard.breaker.allows()) return undefined;
      const started = begin(guard);
      let result: void | Promise<void>;
      try {
        result = producer.produce(request, candidates, output);
      } catch (error) {
        failed(guard, started, error);
        return undefined;
      }
      if (isPromise(result)) return settle(result, guard, started, producer.timeoutMs ?? DEFAULT_TIMEOUT_MS);
      finished(guard, started);
      return undefined;
    },
  };
}
