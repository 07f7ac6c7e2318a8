import { approximateKeys, approximateRoot, keyCount } from "@pointsman/kv-cache";
import { core, definePlugin } from "@pointsman/plugin-api";
import { PrefixBlockSize, PrefixMatchBlocks, PrefixTotalBlocks, TokenizedPrompt } from "@pointsman/plugin-api/keys";
import { BurstWindow } from "./burst-window.ts";
import { burstOptions } from "./options.ts";

/** Beyond the window: keys are made, and the batch is assigned. */
const OVERHEAD_MS = 100;

/**
 * Holds requests for a moment and says of those that begin alike that one endpoint has their common beginning, before
 * any of them is cached anywhere. Only full blocks count, for engines share no others.
 */
export const burstPrefixCacheProducer = definePlugin({
  type: "burst-prefix-cache-producer",
  description: "Draws prompts that arrive together and begin alike to the same endpoint, by holding each for a moment",
  stability: "alpha",
  config: burstOptions,
  needs: { metrics: core.metrics, clock: core.clock },
  reads: [TokenizedPrompt],
  writes: [PrefixMatchBlocks, PrefixTotalBlocks, PrefixBlockSize],
  setup({ config, needs }) {
    const { blockSizeTokens, maxBlocks } = config;
    const requests = needs.metrics.counter({
      name: "burst_prefix_requests_total",
      help: "Requests that were held for a batch, by whether they were drawn to an endpoint.",
      labels: ["drawn"],
    });
    const batches = needs.metrics.counter({ name: "burst_prefix_batches_total", help: "Batches of requests." });
    const window = new BurstWindow(config, needs.clock, (held, drawn) => {
      batches.inc();
      if (drawn > 0) requests.inc({ drawn: "yes" }, drawn);
      if (held > drawn) requests.inc({ drawn: "no" }, held - drawn);
    });
    return {
      stop: () => window.end(),
      producer: {
        timeoutMs: config.windowDurationMs + OVERHEAD_MS,
        async produce(request, candidates, output) {
          const tokens = request.locals.get(TokenizedPrompt);
          if (tokens === undefined || tokens.length < blockSizeTokens || candidates.length < 2) return;
          const whole = tokens.subarray(0, tokens.length - (tokens.length % blockSizeTokens));
          const root = approximateRoot(request.targetModel, request.cacheSalt);
          const keys = approximateKeys(whole, blockSizeTokens, root, maxBlocks);
          const endpointIds = Array.from(candidates, ({ id }) => id);
          const assignment = await window.join({ keys, tokens: tokens.length, endpointIds });
          const matched = output.column(PrefixMatchBlocks).fill(0);
          if (assignment !== undefined) matched[endpointIds.indexOf(assignment.endpointId)] = assignment.sharedBlocks;
          output.column(PrefixTotalBlocks).fill(keyCount(keys));
          output.column(PrefixBlockSize).fill(blockSizeTokens);
        },
      },
    };
  },
});
