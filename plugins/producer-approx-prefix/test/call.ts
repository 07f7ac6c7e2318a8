import type { Attribute, Choice, DataKey, Endpoint, RequestView } from "@pointsman/plugin-api";
import { PrefixBlockSize, PrefixMatchBlocks, PrefixTotalBlocks, TokenizedPrompt } from "@pointsman/plugin-api/keys";
import {
  createTestRequest,
  type PluginUnderTest,
  type TestPool,
  type TestRequestOptions,
} from "@pointsman/plugin-testkit";

export const BLOCK = 64;

/** A prompt of whole and partial blocks: equal numbers, equal blocks. */
export function tokensOf(blocks: readonly number[], tail = 0): Uint32Array {
  return Uint32Array.from(
    { length: BLOCK * blocks.length + tail },
    (_, i) => 1_000 * (blocks[Math.floor(i / BLOCK)] ?? 7) + (i % BLOCK),
  );
}

export function requestOf(tokens: Uint32Array | undefined, options: TestRequestOptions = {}): RequestView {
  const request = createTestRequest(options);
  if (tokens !== undefined) request.locals.set(TokenizedPrompt, tokens);
  return request;
}

export function endpointOf(pool: TestPool, name: string): Endpoint {
  const found = pool.candidates().find((endpoint) => endpoint.name === name);
  if (found === undefined) throw new Error(`no endpoint ${name}`);
  return found;
}

export interface Produced {
  /** By endpoint. */
  readonly matched: readonly number[] | undefined;
  readonly total: number | undefined;
  readonly blockSize: number | undefined;
}

/** Runs the producer for all endpoints of the pool. */
export function produce(plugin: PluginUnderTest, request: RequestView): Produced {
  const candidates = plugin.pool.candidates();
  const columns = new Map<string, Float64Array>();
  plugin.producer!.produce(request, candidates, {
    column(attribute) {
      const column = columns.get(attribute.key) ?? new Float64Array(candidates.length).fill(Number.NaN);
      columns.set(attribute.key, column);
      return column;
    },
    set: (_: number, attribute: Attribute<unknown>) => fail(attribute as Attribute),
    setLocal: (key) => fail(key as DataKey),
  });
  const matched = columns.get(PrefixMatchBlocks.key);
  return {
    matched: matched === undefined ? undefined : [...matched],
    total: same(columns.get(PrefixTotalBlocks.key)),
    blockSize: same(columns.get(PrefixBlockSize.key)),
  };
}

function fail({ key }: { readonly key: string }): never {
  throw new Error(`${key} was not expected`);
}

/** The one value of a column. */
function same(column: Float64Array | undefined): number | undefined {
  if (column !== undefined && new Set(column).size > 1) throw new Error(`differs by endpoint: ${column.join()}`);
  return column?.[0];
}

/** The choice of endpoints by profile; `decode` is the primary one. */
export function choose(plugin: PluginUnderTest, request: RequestView, results: Readonly<Record<string, string>>): void {
  const picked = (name: string): Endpoint => endpointOf(plugin.pool, name);
  const choice: Choice = {
    picked: [picked(results["decode"]!)],
    primaryProfile: "decode",
    profiles: Object.keys(results),
    result: (profile) => (results[profile] === undefined ? undefined : { profile, picked: [picked(results[profile])] }),
    setHeader: () => {},
    removeHeader: () => {},
    setBodyField: () => {},
  };
  plugin.postChoice!(request, choice);
}

export function answer(plugin: PluginUnderTest, request: RequestView, served: string | undefined, status = 200): void {
  const endpoint = served === undefined ? undefined : endpointOf(plugin.pool, served);
  plugin.responseHeaders!(request, { status, served: endpoint, header: () => undefined, setHeader: () => {} });
}
