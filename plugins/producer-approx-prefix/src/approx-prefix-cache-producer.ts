import { approximateKeys, approximateRoot } from "@pointsman/kv-cache";
import { core, definePlugin, defineRequestKey } from "@pointsman/plugin-api";
import {
  KvBlockCount,
  KvBlockSize,
  PrefillProfile,
  PrefixBlockSize,
  PrefixMatchBlocks,
  PrefixTotalBlocks,
  TokenizedPrompt,
} from "@pointsman/plugin-api/keys";
import { BlockGeometry } from "./block-geometry.ts";
import { followAnswer } from "./follow-answer.ts";
import { FollowedIndex } from "./followed-index.ts";
import { approxOptions } from "./options.ts";
import { prefixMetrics } from "./prefix-metrics.ts";
import { RoutedPrefix } from "./routed-prefix.ts";

/** Beside the primary one, the profile whose endpoint computes the prompt too, where no handler says what it is called. */
const PREFILL_PROFILE = "prefill";

/**
 * Predicts how much of a prompt each endpoint has cached, from what this picker has routed where. The model servers
 * are not asked.
 */
export const approxPrefixCacheProducer = definePlugin({
  type: "approx-prefix-cache-producer",
  description: "Predicts which endpoints have the beginning of a prompt cached, from what was routed where",
  config: approxOptions,
  needs: { endpoints: core.endpoints, metrics: core.metrics, log: core.logger },
  reads: [TokenizedPrompt],
  readsOptional: [KvBlockSize, KvBlockCount],
  writes: [PrefixMatchBlocks, PrefixTotalBlocks, PrefixBlockSize],
  response: "headers",
  setup({ config, needs, instance, previous }) {
    const followed = new FollowedIndex(config.maxIndexBytes, previous, needs.log);
    const { index } = followed;
    const geometry = new BlockGeometry(config);
    const metrics = prefixMetrics(needs.metrics);
    // Two instances record the same requests: each has keys of its own.
    const suffix = Buffer.from(instance.name).toString("hex");
    const routedPrefix = defineRequestKey<RoutedPrefix>({ id: `pointsman/approx-prefix.${suffix}`, major: 1 });
    const stop: (() => void)[] = [];

    return {
      start() {
        stop.push(followed.follow(needs.endpoints, (id) => geometry.forget(id)));
      },
      stop() {
        for (const end of stop.splice(0)) end();
      },
      handOver: () => index,
      producer: {
        produce(request, candidates, output) {
          const tokens = request.locals.get(TokenizedPrompt);
          if (tokens === undefined || tokens.length === 0) return;
          const blockTokens = geometry.blockTokens(candidates);
          const root = approximateRoot(request.targetModel, request.cacheSalt);
          const keys = approximateKeys(tokens, blockTokens, root, geometry.maxBlocks(blockTokens));
          const prefix = new RoutedPrefix(followed, keys, blockTokens);
          request.locals.set(routedPrefix, prefix);
          const match = index.match(keys);
          const matched = output.column(PrefixMatchBlocks);
          if (match.longest === 0) matched.fill(0);
          else for (let i = 0; i < candidates.length; i += 1) matched[i] = match.blocksOf(candidates[i]!.id);
          output.column(PrefixTotalBlocks).fill(prefix.blocks);
          output.column(PrefixBlockSize).fill(blockTokens);
        },
      },
      postChoice(request, choice) {
        const prefix = request.locals.get(routedPrefix);
        const primary = choice.picked[0];
        if (prefix === undefined || primary === undefined || !prefix.beginRouting()) return;
        const { blocks, blockSize } = prefix;
        if (blocks === 0) return;
        const known = prefix.recordPrimary(primary.id, geometry.capacity(primary, blockSize));
        const prefill = choice.result(request.locals.get(PrefillProfile) ?? PREFILL_PROFILE)?.picked[0];
        if (prefill !== undefined) prefix.recordOther(prefill.id, geometry.capacity(prefill, blockSize));
        metrics.routed(known, blocks, blockSize);
        metrics.size(index.statistics().entries);
      },
      ...followAnswer(routedPrefix, (endpoint, { blockSize }) => geometry.capacity(endpoint, blockSize)),
    };
  },
});
