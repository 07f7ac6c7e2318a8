import { core, definePlugin, defineRequestKey, type Endpoint, from, type RequestView } from "@pointsman/plugin-api";
import {
  KvBlockCount,
  KvBlockSize,
  PrefixBlockSize,
  PrefixMatchBlocks,
  TokenizedPrompt,
} from "@pointsman/plugin-api/keys";
import { Account } from "./account.ts";
import { Booking } from "./booking.ts";
import { capacitiesOf, roomTokens } from "./capacities.ts";
import { expectedCostMs, waitWeightAt } from "./expected-cost.ts";
import { Ledger } from "./ledger.ts";
import { expectedCostOptions } from "./options.ts";

const BYTES_PER_TOKEN = 4;
/** The profile whose endpoint computes the prompt, where there is one. */
const PREFILL_PROFILE = "prefill";

/** What a request costs where it goes, fixed when the scores are given: later the loads have changed. */
interface Quote {
  readonly tokens: number;
  readonly unitTokensPerMs: number;
  capacityOf(endpoint: Endpoint): number;
}

/**
 * Prefers endpoints where the request is expected to cost the least: computing what is not cached, waiting, and upsetting
 * the balance, all in milliseconds. Scores are (max − cost) / (max − min), 1 when all are equal.
 */
export const expectedCostScorer = definePlugin({
  type: "expected-cost-scorer",
  description: "Prefers endpoints where the request is expected to cost the least",
  config: expectedCostOptions,
  needs: { endpoints: core.endpoints },
  reads: ({ prefixMatchInfoProducerName: producer }) => {
    const { match, blockSize } = prefixAttributes(producer);
    return [match, blockSize];
  },
  readsOptional: [TokenizedPrompt, KvBlockCount, KvBlockSize],
  response: "headers",
  setup({ config, needs, instance, previous }) {
    const ledger = previous instanceof Ledger ? previous : new Ledger();
    ledger.fadeOver(config.balanceWindow);
    const { match, blockSize } = prefixAttributes(config.prefixMatchInfoProducerName);
    const unitTokensPerMs = config.prefillTokensPerSecond / 1_000;
    const suffix = Buffer.from(instance.name).toString("hex");
    const quoteKey = defineRequestKey<Quote>({ id: `pointsman/expected-cost-quote.${suffix}`, major: 1 });
    const bookingKey = defineRequestKey<Booking>({ id: `pointsman/expected-cost-booking.${suffix}`, major: 1 });
    /** For candidates that the pool does not list any more. */
    const nothing = new Account(0);
    const opened: (() => void)[] = [];

    return {
      start() {
        ledger.followPool(needs.endpoints.list());
        opened.push(
          needs.endpoints.onChange(({ added, removed }) => {
            for (const { id } of removed) ledger.leave(id);
            for (const { id } of added) ledger.join(id);
          }),
        );
      },
      stop() {
        for (const close of opened.splice(0)) close();
      },
      handOver: () => ledger,
      scorer: {
        score(request, candidates, scores) {
          const { length } = candidates;
          const tokens = promptTokens(request);
          const capacities = capacitiesOf(candidates, config.capacityLabel);
          const matches = candidates.column(match);
          const sizes = candidates.column(blockSize);
          const blocks = candidates.column(KvBlockCount);
          const blockTokens = candidates.column(KvBlockSize);
          let loads = 0;
          let busy = 0;
          for (let i = 0; i < length; i += 1) {
            const account = ledger.of(candidates[i]!.id) ?? nothing;
            loads += account.loadMs;
            if (account.waitingMs(request.now) > 0) busy += 1;
          }
          const waitWeight = waitWeightAt(busy / length, config);
          let min = Number.POSITIVE_INFINITY;
          let max = Number.NEGATIVE_INFINITY;
          for (let i = 0; i < length; i += 1) {
            const endpoint = candidates[i]!;
            const room = roomTokens(blocks[i]!, blockTokens[i]!);
            const cost = expectedCostMs(
              {
                account: ledger.of(endpoint.id) ?? nothing,
                meanLoadMs: loads / length,
                waitWeight,
                now: request.now,
                tokens,
                uncachedTokens: uncachedTokens(tokens, matches[i]! * sizes[i]!),
                tokensPerMs: unitTokensPerMs * capacities.of(endpoint, room),
                unitTokensPerMs,
                roomTokens: room,
              },
              config,
            );
            scores[i] = cost;
            if (cost < min) min = cost;
            if (cost > max) max = cost;
          }
          for (let i = 0; i < length; i += 1) scores[i] = max > min ? (max - scores[i]!) / (max - min) : 1;
          request.locals.set(quoteKey, {
            tokens,
            unitTokensPerMs,
            capacityOf: (endpoint) => capacities.of(endpoint, roomOf(endpoint)),
          });
        },
      },
      postChoice(request, choice) {
        const prefill = choice.result(PREFILL_PROFILE)?.picked[0];
        const endpoint = prefill ?? choice.picked[0];
        const quote = request.locals.get(quoteKey);
        if (endpoint === undefined || quote === undefined || request.locals.get(bookingKey) !== undefined) return;
        const { tokens } = quote;
        const uncached = uncachedTokens(tokens, (endpoint.get(match) ?? 0) * (endpoint.get(blockSize) ?? 0));
        const workMs = uncached / (unitTokensPerMs * quote.capacityOf(endpoint));
        ledger.fade();
        const work = { now: request.now, workMs, tokens };
        request.locals.set(bookingKey, new Booking(ledger, endpoint.id, work, prefill === undefined));
      },
      responseHeaders(request, { served, status }) {
        const booking = request.locals.get(bookingKey);
        if (served === undefined || (status !== undefined && status >= 400)) booking?.takeBack();
        else booking?.moveTo(served.id);
      },
      afterResponse(request, { outcome, durationMs }) {
        const booking = request.locals.get(bookingKey);
        if (outcome === "ended" || outcome === "unknown") booking?.done(durationMs);
        else booking?.takeBack();
      },
    };
  },
});

/** Tokens of the prompt: counted when the client or a producer has them, else one per 4 bytes (llm-d's estimate). */
function promptTokens(request: RequestView): number {
  const ids = request.prompt.tokenIds ?? request.locals.get(TokenizedPrompt);
  return ids === undefined ? Math.ceil(request.prompt.byteLength / BYTES_PER_TOKEN) : ids.length;
}

/** The last token is always computed. False for NaN: what is not known to be cached has to be computed. */
function uncachedTokens(tokens: number, cached: number): number {
  return cached > 0 ? Math.max(Math.min(1, tokens), tokens - cached) : tokens;
}

function roomOf(endpoint: Endpoint): number {
  return roomTokens(endpoint.get(KvBlockCount) ?? Number.NaN, endpoint.get(KvBlockSize) ?? Number.NaN);
}

function prefixAttributes(producer: string) {
  return producer === ""
    ? { match: PrefixMatchBlocks, blockSize: PrefixBlockSize }
    : { match: from(PrefixMatchBlocks, producer), blockSize: from(PrefixBlockSize, producer) };
}
