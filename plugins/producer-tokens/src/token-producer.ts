import {
  type Clock,
  core,
  definePlugin,
  type Logger,
  type ProducerOutput,
  type RequestView,
} from "@pointsman/plugin-api";
import { TokenizedPrompt } from "@pointsman/plugin-api/keys";
import { parseDurationMs } from "@pointsman/scrape-client";
import { estimatePrompt } from "./estimate-prompt.ts";
import { InProcessBackend } from "./in-process-backend.ts";
import { inProcessOptions } from "./in-process-options.ts";
import { type TokenOptions, tokenOptions } from "./options.ts";
import { type TokenBackend, TokenMiss } from "./token-backend.ts";
import { type TokenMetrics, tokenMetrics } from "./token-metrics.ts";
import { VllmBackend } from "./vllm-backend.ts";

/**
 * Gives each prompt its token ids, once for all plugins: those the client sent; those of a tokenizer in this process or
 * of a vLLM server, where one is configured; else llm-d's estimate.
 */
export const tokenProducer = definePlugin({
  type: "token-producer",
  aliases: ["tokenizer"],
  description: "Gives each prompt token ids, shared by the plugins that need them",
  config: tokenOptions,
  needs: { clock: core.clock, log: core.logger, metrics: core.metrics },
  writes: [TokenizedPrompt],
  state: "none",
  setup({ config, needs, signal, onStop }) {
    const metrics = tokenMetrics(needs.metrics);
    const backends = createBackends(config, { ...needs, metrics }, signal);
    for (const backend of backends) onStop(() => backend.stop());
    const estimates = backends.length === 0 || config.fallback === "estimate";

    const exact = async (request: RequestView, output: ProducerOutput): Promise<void> => {
      let fault: TokenMiss | undefined;
      for (const backend of backends) {
        const started = performance.now();
        try {
          const tokens = await backend.tokens(request);
          metrics.tokenized(backend.name, performance.now() - started);
          output.setLocal(TokenizedPrompt, tokens);
          return;
        } catch (error) {
          const miss = error instanceof TokenMiss ? error : new TokenMiss("failed", String(error));
          metrics.missed(backend.name, miss.reason);
          if (miss.reason === "failed" || miss.reason === "timeout") fault = miss;
        }
      }
      if (estimates) await estimatePrompt(request, output);
      // A backend that fails again and again is given a rest by the host; what it cannot do is no failure.
      else if (fault !== undefined) throw fault;
    };

    return {
      start() {
        for (const backend of backends) backend.start();
      },
      ready: () => backends.every((backend) => backend.ready),
      producer: {
        // What waits for a backend has the backend's limits.
        ...(backends.length > 0 ? { timeoutMs: backends.reduce((sum, b) => sum + b.timeoutMs, 100) } : {}),
        produce(request, _candidates, output): void | Promise<void> {
          if (request.locals.get(TokenizedPrompt) !== undefined) return;
          const { tokenIds, byteLength } = request.prompt;
          if (tokenIds !== undefined) output.setLocal(TokenizedPrompt, Uint32Array.from(tokenIds));
          else if (byteLength === 0) return;
          else if (backends.length === 0) return estimatePrompt(request, output);
          else return exact(request, output);
        },
      },
    };
  },
});

/** In the order in which they are asked: what the tokenizer in process cannot do (images), the server may. */
function createBackends(
  config: TokenOptions,
  services: { readonly clock: Clock; readonly log: Logger; readonly metrics: TokenMetrics },
  signal: AbortSignal,
): TokenBackend[] {
  const backends: TokenBackend[] = [];
  const inProcess = inProcessOptions(config);
  if (inProcess !== undefined) backends.push(new InProcessBackend(inProcess, services, signal));
  const { modelName, vllm } = config;
  if (vllm !== undefined && modelName !== undefined) {
    const timeoutMs = parseDurationMs(vllm.timeout)!;
    const mediaTimeoutMs = parseDurationMs(vllm.mmTimeout)!;
    backends.push(new VllmBackend({ url: vllm.url, modelName, timeoutMs, mediaTimeoutMs }, services, signal));
  }
  return backends;
}
