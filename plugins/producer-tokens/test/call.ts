import type { RequestView } from "@pointsman/plugin-api";
import { TokenizedPrompt } from "@pointsman/plugin-api/keys";
import { createTestRequest, type PluginUnderTest, setUpPlugin } from "@pointsman/plugin-testkit";
import tokenProducer from "../src/index.ts";

const started: PluginUnderTest[] = [];

/** A started instance, and a question for the tokens it gives. */
export interface Tokens {
  readonly plugin: PluginUnderTest;
  of(request: RequestView): Promise<Uint32Array | undefined>;
}

export async function startProducer(config?: unknown): Promise<Tokens> {
  const plugin = await setUpPlugin(tokenProducer, { config, endpoints: [{}] });
  started.push(plugin);
  await plugin.start?.();
  return {
    plugin,
    async of(request) {
      await plugin.producer!.produce(request, plugin.pool.candidates(), {
        column: () => new Float64Array(1),
        set: () => {},
        setLocal: (key, value) => request.locals.set(key, value),
      });
      return request.locals.get(TokenizedPrompt);
    },
  };
}

export async function stopProducers(): Promise<void> {
  for (const plugin of started.splice(0)) await plugin.shutDown();
}

/** A request with this body. */
export function requestOf(api: string, body: object, more: object = {}): RequestView {
  return createTestRequest({ api, body: JSON.stringify(body), prompt: "abcdefgh", ...more });
}

/** Waits for something that happens soon, without relying on how soon. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
