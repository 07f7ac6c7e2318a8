import { core, definePlugin, defineRequestKey } from "@pointsman/plugin-api";
import {
  InFlightRequests,
  InFlightTokens,
  PrefixBlockSize,
  PrefixMatchBlocks,
  TokenizedPrompt,
} from "@pointsman/plugin-api/keys";
import { outputTokens, promptTokens, uncachedTokens } from "./estimate-tokens.ts";
import { LoadLedger } from "./load-ledger.ts";
import { inflightLoadOptions, prefixAttributes } from "./options.ts";
import { publishLoad } from "./publish-load.ts";
import { RequestLoad } from "./request-load.ts";

/**
 * Counts, for each endpoint, the requests and prompt tokens that this picker sent there and that have not ended.
 * The counts follow the endpoint that serves as soon as it is known.
 */
export const inflightLoadProducer = definePlugin({
  type: "inflight-load-producer",
  description: "Counts the requests and tokens in flight at each endpoint",
  config: inflightLoadOptions,
  needs: { endpoints: core.endpoints, attributes: core.attributes, metrics: core.metrics },
  reads({ prefixMatchInfoProducerName: producer }) {
    if (producer === "") return [];
    const { match, blockSize } = prefixAttributes(producer);
    return [match, blockSize];
  },
  readsOptional: ({ prefixMatchInfoProducerName: producer }) =>
    producer === "" ? [PrefixMatchBlocks, PrefixBlockSize, TokenizedPrompt] : [TokenizedPrompt],
  writes: [InFlightRequests, InFlightTokens],
  response: "headers",
  setup({ config, needs, instance, previous }) {
    // After a reload the requests of the predecessor are still in flight: both write into one ledger.
    const ledger = previous instanceof LoadLedger ? previous : new LoadLedger();
    // Two instances count the same requests: each has a key of its own.
    const suffix = Buffer.from(instance.name).toString("hex");
    const held = defineRequestKey<RequestLoad>({ id: `pointsman/inflight-load.${suffix}`, major: 1 });
    const { match, blockSize } = prefixAttributes(config.prefixMatchInfoProducerName);
    const { addEstimatedOutputTokens } = config;
    const output = { ratio: config.outputRatio, maxTokens: config.maxEstimatedOutputTokens };

    const opened: (() => void)[] = [];

    return {
      // Not in setup: a successor that is set up but never started must not publish.
      start() {
        ledger.followPool(needs.endpoints.list());
        opened.push(
          ledger.publishTo(publishLoad(needs.attributes, needs.metrics)),
          needs.endpoints.onChange(({ added, removed }) => {
            // An endpoint that changed its address is in both lists.
            for (const { id } of removed) ledger.leave(id);
            for (const endpoint of added) ledger.join(endpoint);
          }),
        );
      },
      stop() {
        for (const close of opened.splice(0)) close();
      },
      handOver: () => ledger,
      postChoice(request, choice) {
        const load = new RequestLoad(ledger);
        request.locals.set(held, load);
        const tokens = promptTokens(request);
        const primary = choice.picked[0];
        if (primary !== undefined) {
          const expected = addEstimatedOutputTokens ? outputTokens(tokens, request, output) : 0;
          load.countPrimary(primary.id, uncachedTokens(tokens, primary, match, blockSize) + expected);
        }
        for (const profile of choice.profiles) {
          if (profile === choice.primaryProfile) continue;
          const endpoint = choice.result(profile)?.picked[0];
          if (endpoint === undefined) continue;
          load.countOther(endpoint.id, uncachedTokens(tokens, endpoint, match, blockSize));
        }
      },
      responseHeaders(request, { served }) {
        const load = request.locals.get(held);
        if (served === undefined) load?.release();
        else load?.servedBy(served.id);
      },
      afterResponse(request) {
        request.locals.get(held)?.release();
      },
    };
  },
});
