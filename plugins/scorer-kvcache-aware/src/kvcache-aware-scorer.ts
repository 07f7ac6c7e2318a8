import { createRedisIndex, longestPrefixes, type RedisIndex, readRedisTls } from "@pointsman/kv-cache/redis";
import { core, definePlugin, defineRequestKey } from "@pointsman/plugin-api";
import { KvBlockSize, TokenizedPrompt } from "@pointsman/plugin-api/keys";
import { parseDurationMs } from "@pointsman/scrape-client";
import { IndexAdvice } from "./index-advice.ts";
import { indexMetrics } from "./index-metrics.ts";
import { kvcacheOptions } from "./options.ts";
import { PodScores } from "./pod-scores.ts";
import { PromptKeys } from "./prompt-keys.ts";

/** Beyond the deadline of a look-up: keys are made, and answers are read. */
const OVERHEAD_MS = 100;
/** How often an index that was empty so far is looked at, in milliseconds. */
const PROBE_EVERY_MS = 15_000;

/**
 * The scorer of llm-d 0.1 (`ENABLE_KVCACHE_AWARE_SCORER`): asks an index in Redis, which the engines' side fills, how
 * many leading blocks of the prompt each pod holds, and compares the pods. Without tokens, without an answer in time,
 * and where nobody holds the first block, it abstains.
 */
export const kvcacheAwareScorer = definePlugin({
  type: "kvcache-aware-scorer",
  description: "Prefers endpoints that hold the prompt's first blocks, by an index in Redis, compared with each other",
  config: kvcacheOptions,
  needs: { log: core.logger, metrics: core.metrics, clock: core.clock },
  reads: [TokenizedPrompt],
  readsOptional: [KvBlockSize],
  setup({ config, needs, instance, onStop }) {
    const { log, clock } = needs;
    const keys = new PromptKeys(config);
    const metrics = indexMetrics(needs.metrics);
    const advice = new IndexAdvice(log, config.layout, keys.blockTokens);
    const deadlineMs = parseDurationMs(config.deadline)!;
    // Two instances look at one request, say one per profile with a Redis of its own.
    const suffix = Buffer.from(instance.name).toString("hex");
    const scoresKey = defineRequestKey<PodScores>({ id: `pointsman/kvcache-scores.${suffix}`, major: 1 });
    let index: RedisIndex | undefined;

    const probe = (): void => {
      if (advice.isSettled) return;
      index?.probe().then(
        (found) => advice.lookAtLayout(found),
        () => {}, // Not allowed, or not there yet: the advice is an extra.
      );
    };

    return {
      async start() {
        const { redisConfig } = config;
        index = createRedisIndex({
          address: redisConfig.address,
          username: redisConfig.username,
          password: redisConfig.password,
          tls: await readRedisTls(redisConfig),
          layout: config.layout,
          deadlineMs,
          failureThreshold: config.failureThreshold,
          coolDownMs: parseDurationMs(config.coolDown)!,
          onState(state) {
            metrics.circuit(state);
            if (state === "open")
              log.warn("Redis keeps failing and is not asked for a while", { redis: index?.address });
            else if (state === "closed") log.info("Redis answers again", { redis: index?.address });
          },
          warn: (message, fields) => log.warn(message, fields),
        });
        void index.connected(PROBE_EVERY_MS).then(probe);
        onStop(clock.every(PROBE_EVERY_MS, probe));
      },
      async stop() {
        await index?.close();
      },
      producer: {
        timeoutMs: deadlineMs + OVERHEAD_MS,
        produce(request, candidates): void | Promise<void> {
          const tokens = request.locals.get(TokenizedPrompt);
          if (index === undefined || tokens === undefined) return;
          advice.lookAtBlockSize(candidates);
          const model = config.modelName ?? request.targetModel;
          const blocks = keys.of(tokens, model, request.cacheSalt);
          if (blocks.length === 0) return;
          metrics.asked();
          const from = performance.now();
          return index.lookup(model, blocks).then((lookup) => {
            if (!lookup.found) {
              metrics.failed(lookup.why);
              return;
            }
            advice.lookAtFields(lookup.unknownFields);
            const scores = new PodScores(longestPrefixes(lookup.runs));
            metrics.answered((performance.now() - from) / 1_000, scores.longest);
            if (!scores.isEmpty) request.locals.set(scoresKey, scores);
          });
        },
      },
      scorer: {
        score(request, candidates, scores) {
          const found = request.locals.get(scoresKey);
          if (found === undefined) return;
          for (let i = 0; i < candidates.length; i += 1) scores[i] = found.of(candidates[i]!);
        },
      },
    };
  },
});
