import { linkedKeys, xxHash64 } from "@pointsman/kv-cache";
import { core, definePlugin, defineRequestKey, type RequestView } from "@pointsman/plugin-api";
import { followAnswer } from "./follow-answer.ts";
import { FollowedIndex } from "./followed-index.ts";
import { prefixAwareOptions } from "./options.ts";
import { RoutedPrefix } from "./routed-prefix.ts";

/** Only the index as a whole is bounded. */
const UNLIMITED = (): number => Number.POSITIVE_INFINITY;

/**
 * The prefix scorer of llm-d 0.1, with a memory of its own: the prompt in blocks of bytes, a hit for each block that an
 * endpoint was given before, normalised over all endpoints that have hits: (hits − min) / (max − min), and 1 for them
 * when they all have the same. An endpoint without hits gets 0; without any hits the scorer abstains.
 */
export const prefixAwareScorer = definePlugin({
  type: "prefix-aware-scorer",
  description: "Prefers endpoints that were given prompts with the same beginning, compared with each other",
  config: prefixAwareOptions,
  needs: { endpoints: core.endpoints, log: core.logger },
  response: "headers",
  setup({ config: { blockSize, maxPrefixBlocksToMatch, maxIndexBytes }, needs, instance, previous }) {
    const followed = new FollowedIndex(maxIndexBytes, previous, needs.log);
    const { index } = followed;
    const suffix = Buffer.from(instance.name).toString("hex");
    const routedPrefix = defineRequestKey<RoutedPrefix>({ id: `pointsman/prefix-aware.${suffix}`, major: 1 });
    const stop: (() => void)[] = [];

    /** Hashed once, for all profiles. */
    const prefixOf = (request: RequestView): RoutedPrefix => {
      let prefix = request.locals.get(routedPrefix);
      if (prefix === undefined) {
        const root = xxHash64(Buffer.from(request.targetModel));
        const keys = linkedKeys(request.prompt.parts, blockSize, root, maxPrefixBlocksToMatch);
        prefix = new RoutedPrefix(followed, keys, blockSize);
        request.locals.set(routedPrefix, prefix);
      }
      return prefix;
    };

    return {
      start() {
        stop.push(followed.follow(needs.endpoints));
      },
      stop() {
        for (const end of stop.splice(0)) end();
      },
      handOver: () => index,
      scorer: {
        score(request, candidates, scores) {
          const { keys, blocks } = prefixOf(request);
          if (blocks === 0) return;
          const match = index.match(keys, "skip");
          const { longest, shortest } = match;
          if (longest === 0) return;
          for (let i = 0; i < candidates.length; i += 1) {
            const hits = match.blocksOf(candidates[i]!.id);
            if (hits === 0) scores[i] = 0;
            else scores[i] = longest === shortest ? 1 : (hits - shortest) / (longest - shortest);
          }
        },
      },
      postChoice(request, choice) {
        const prefix = prefixOf(request);
        const primary = choice.picked[0];
        if (primary === undefined || !prefix.beginRouting() || prefix.blocks === 0) return;
        prefix.recordPrimary(primary.id, UNLIMITED());
        for (const profile of choice.profiles) {
          const endpoint = choice.result(profile)?.picked[0];
          if (profile !== choice.primaryProfile && endpoint !== undefined) prefix.recordOther(endpoint.id, UNLIMITED());
        }
      },
      ...followAnswer(routedPrefix, UNLIMITED),
    };
  },
});
