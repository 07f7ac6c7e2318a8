import { type BlockKeys, keyCount } from "@pointsman/kv-cache";
import { redisLookupMetrics } from "@pointsman/kv-cache/redis";
import {
  type Candidates,
  core,
  definePlugin,
  defineRequestKey,
  type Endpoint,
  type ProducerOutput,
  type RequestView,
} from "@pointsman/plugin-api";
import {
  KvBlockSize,
  PrefixBlockSize,
  PrefixMatchBlocks,
  PrefixTotalBlocks,
  TokenizedPrompt,
} from "@pointsman/plugin-api/keys";
import { BlockKnowledge } from "./block-knowledge.ts";
import type { KnowledgeOwner } from "./knowledge-owner.ts";
import type { PrefixHoldings } from "./kv-index.ts";
import { preciseOptions } from "./options.ts";
import { preciseMetrics } from "./precise-metrics.ts";
import { parseListenAddress } from "./publisher-address.ts";
import { RoutedPrompt } from "./routed-prompt.ts";
import { Warnings } from "./warnings.ts";
import { writerMetrics } from "./writer-metrics.ts";

/** Beside the primary one, the profile whose endpoint computes the prompt too. */
const PREFILL_PROFILE = "prefill";
const MAINTENANCE_MS = 200;
const REPORT_MS = 1_000;
const LISTEN_AGAIN_MS = 500;

/**
 * Knows how much of a prompt each endpoint has cached, from the KV events that the model servers publish. Needs the
 * model's own tokens: an estimate of them meets nothing.
 */
export const precisePrefixCacheProducer = definePlugin({
  type: "precise-prefix-cache-producer",
  description: "Knows which endpoints have the beginning of a prompt cached, from the KV events of the model servers",
  config: preciseOptions,
  needs: { endpoints: core.endpoints, metrics: core.metrics, log: core.logger, clock: core.clock },
  reads: [TokenizedPrompt],
  readsOptional: [KvBlockSize],
  writes: [PrefixMatchBlocks, PrefixTotalBlocks, PrefixBlockSize],
  response: "headers",
  setup({ config, needs, instance, previous }) {
    const { blockTokens, speculativeMs, events } = config;
    const inherited = previous instanceof BlockKnowledge && previous.fits(config);
    const knowledge = inherited ? previous : new BlockKnowledge(config);
    const { index, indexer, feed } = knowledge;
    const metrics = preciseMetrics(needs.metrics);
    const warnings = new Warnings(needs.log, config, () => needs.clock.now());
    const lookups = config.redis === undefined ? undefined : redisLookupMetrics(needs.metrics);
    const owner: KnowledgeOwner = {
      problem: (problem) => warnings.problem(problem),
      otherBlockSize: (endpointId, size) => warnings.otherBlockSize(endpointId, size),
      unnamedModel: (endpointId) => warnings.unnamedModel(endpointId),
      warn: (message, fields) => warnings.redis(message, fields),
      lookupFailed: (why) => lookups?.failed(why),
      circuit: (state) => lookups?.circuit(state),
      written: config.redis?.isWriter === true ? writerMetrics(needs.metrics) : () => {},
    };
    const maxBlocks = Math.floor(config.maxPrefixTokens / blockTokens);
    const suffix = Buffer.from(instance.name).toString("hex");
    const routed = defineRequestKey<RoutedPrompt>({ id: `pointsman/precise-prefix.${suffix}`, major: 1 });
    const stop: (() => void)[] = [];

    const add = (endpoint: Endpoint): void => {
      if (!knowledge.add(endpoint)) warnings.tooManyEndpoints(endpoint);
    };
    const remove = (endpointId: string): void => {
      knowledge.remove(endpointId);
      warnings.forget(endpointId);
    };
    const follow = (): void => {
      const present = needs.endpoints.list();
      const ids = new Set(present.map(({ id }) => id));
      for (const { id } of [...knowledge.endpoints()]) if (!ids.has(id)) remove(id);
      for (const endpoint of present) if (!knowledge.has(endpoint.id)) add(endpoint);
      // An endpoint that changed its address is in both lists: it starts with an empty cache.
      const end = needs.endpoints.onChange(({ added, removed }) => {
        for (const { id } of removed) remove(id);
        for (const endpoint of added) add(endpoint);
      });
      stop.push(end);
    };
    const listen = async (address: string): Promise<void> => {
      const { host, port } = parseListenAddress(address);
      await feed.listen(host, port, events.topicFilter ?? "kv@");
    };
    /** A predecessor with other options still has the address: it goes in a moment. */
    const listenUntilItWorks = (address: string): void => {
      const again = needs.clock.every(LISTEN_AGAIN_MS, () => {
        listen(address).then(again, () => {});
      });
      stop.push(again);
    };

    const tell = (
      request: RequestView,
      candidates: Candidates,
      output: ProducerOutput,
      keys: BlockKeys,
      holdings: PrefixHoldings | undefined,
      from: number,
    ): void => {
      request.locals.set(routed, new RoutedPrompt(keys, holdings));
      if (holdings === undefined) return;
      holdings.weigh(candidates, output.column(PrefixMatchBlocks));
      output.column(PrefixTotalBlocks).fill(keyCount(keys));
      output.column(PrefixBlockSize).fill(blockTokens);
      metrics.lookedUp(holdings.longest, (performance.now() - from) / 1_000);
    };

    return {
      async start() {
        const before = knowledge.owner;
        knowledge.owner = owner;
        if (before === undefined) await index.open(() => knowledge.owner);
        if (events.zmqEndpoint !== undefined && before === undefined) {
          try {
            await listen(events.zmqEndpoint);
          } catch (error) {
            if (previous === undefined) throw error;
            listenUntilItWorks(events.zmqEndpoint);
          }
        }
        follow();
        stop.push(
          needs.clock.every(MAINTENANCE_MS, () => index.local.maintain(needs.clock.now())),
          needs.clock.every(REPORT_MS, () => {
            metrics.report(index.local.statistics(), feed.counts, indexer.counts);
            index.check(owner);
            warnings.check(needs.endpoints.list());
          }),
        );
      },
      async stop() {
        for (const end of stop.splice(0)) end();
        // A successor may have gone on with it.
        if (knowledge.owner !== owner) return;
        feed.close();
        await index.close();
      },
      handOver: () => knowledge,
      producer: {
        ...(index.timeoutMs === undefined ? {} : { timeoutMs: index.timeoutMs }),
        produce(request, candidates, output): void | Promise<void> {
          const tokens = request.locals.get(TokenizedPrompt);
          if (tokens === undefined || tokens.length === 0) return;
          const from = performance.now();
          const all = indexer.keysOf(tokens, request.targetModel, request.cacheSalt);
          const keys = keyCount(all) > maxBlocks ? all.subarray(0, 2 * maxBlocks) : all;
          const found = index.lookup(keys);
          if (!(found instanceof Promise)) return tell(request, candidates, output, keys, found, from);
          return found.then((holdings) => tell(request, candidates, output, keys, holdings, from));
        },
      },
      postChoice(request, choice) {
        const prompt = request.locals.get(routed);
        const primary = choice.picked[0];
        if (prompt === undefined || primary === undefined || prompt.isRouted || prompt.blocks === 0) return;
        prompt.routedTo(primary.id, prompt.cachedBlocksOf(primary) * blockTokens);
        const prefill = choice.result(PREFILL_PROFILE)?.picked[0];
        warnings.served(primary, knowledge);
        if (speculativeMs > 0) {
          const until = needs.clock.now() + speculativeMs;
          index.local.expect(primary.id, prompt.keys, until);
          if (prefill !== undefined && prefill.id !== primary.id) index.local.expect(prefill.id, prompt.keys, until);
        }
        prompt.forgetKeys();
      },
      afterResponse(request, { served, usage }) {
        const prompt = request.locals.get(routed);
        if (prompt === undefined || served === undefined || usage?.cachedTokens === undefined) return;
        if (prompt.endpointId === served.id) metrics.observed(prompt.predictedTokens, usage.cachedTokens);
      },
    };
  },
});
