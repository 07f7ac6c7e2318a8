import { definePlugin, defineRequestKey } from "@pointsman/plugin-api";
import { PrefillProfile, WaitingRequests } from "@pointsman/plugin-api/keys";
import { chooseSource } from "./choose-source.ts";
import { p2pSourceOptions, prefixAttributes } from "./options.ts";

/** `ip:port` of the endpoint to pull from; the sidecar reads it. */
const HEADER = "x-kv-cache-source-host-port";

interface Source {
  readonly id: string;
  readonly address: string;
  readonly cachedTokens: number;
}

/**
 * Names an endpoint that has the beginning of the prompt cached, for the one that computes the prompt to pull the KV
 * blocks from, when that spares it enough tokens.
 */
export const p2pSourceProducer = definePlugin({
  type: "p2p-source-producer",
  description: "Names an endpoint from which the one that computes a prompt can pull cached KV blocks",
  stability: "alpha",
  config: p2pSourceOptions,
  reads({ prefixMatchInfoProducerName }) {
    const { match, blockSize } = prefixAttributes(prefixMatchInfoProducerName);
    return [match, blockSize];
  },
  readsOptional: [WaitingRequests],
  state: "none",
  setup({ config, instance }) {
    const { match, blockSize } = prefixAttributes(config.prefixMatchInfoProducerName);
    const suffix = Buffer.from(instance.name).toString("hex");
    const chosen = defineRequestKey<Source>({ id: `pointsman/p2p-source.${suffix}`, major: 1 });
    return {
      producer: {
        produce(request, candidates) {
          const matched = candidates.column(match);
          const index = chooseSource(matched, candidates.column(WaitingRequests), request.random());
          const source = candidates[index];
          const size = candidates.column(blockSize)[index];
          if (source === undefined || !(size! > 0)) return;
          const { id, address } = source;
          request.locals.set(chosen, { id, address, cachedTokens: matched[index]! * size! });
        },
      },
      postChoice(request, choice) {
        const source = request.locals.get(chosen);
        const prefill = config.prefillProfileName ?? request.locals.get(PrefillProfile) ?? "prefill";
        const computing = choice.result(prefill)?.picked[0] ?? choice.picked[0];
        const own = (computing?.get(match) ?? 0) * (computing?.get(blockSize) ?? 0);
        const isBetter = source !== undefined && source.cachedTokens - own >= config.minCachedTokenDelta;
        if (isBetter && source.id !== computing?.id) choice.setHeader(HEADER, source.address);
        else choice.removeHeader(HEADER);
      },
    };
  },
});
