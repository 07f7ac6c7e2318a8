import { describe, expect, it } from "vitest";
import {
  decimalKeys,
  ExactPrefixIndex,
  KvEventDecoder,
  KvEventIndexer,
  keyScheme,
  modelOfTopic,
  namedRoots,
} from "../src/index.ts";
import { pack } from "./msgpack-encoder.ts";

const TOKENS = Array.from({ length: 32 }, (_, i) => i + 1);
/** What llm-d's indexer makes of these tokens for `test-model`, in blocks of 16; with the salt `salt-xyz` only block 0. */
const GO = {
  "cbor-fnv": { keys: ["9540012594951042066", "16921089685996993662"], salted: "8616418028507794824" },
  xxh64: { keys: ["13553460584553255540", "9887990258693334188"], salted: "9445885041921897234" },
} as const;

describe.each(["cbor-fnv", "xxh64"] as const)("keys of %s", (algorithm) => {
  const setUp = (baseModel: string | undefined) => {
    const held: string[] = [];
    const index = new ExactPrefixIndex({
      maxBytes: 1024 * 1024,
      maxEndpoints: 8,
      listener: {
        held: (_id, _tier, low, high) => held.push(...decimalKeys(Int32Array.of(low, high))),
        released: () => {},
      },
    });
    index.join("a");
    const indexer = new KvEventIndexer({
      index,
      blockTokens: 16,
      scheme: keyScheme(algorithm),
      roots: namedRoots(baseModel),
    });
    const apply = (...event: readonly unknown[]) =>
      void new KvEventDecoder().decode(pack([1.5, [event], 0]), (one) => indexer.apply("a", one));
    return { held, indexer, apply };
  };
  const stored = ["BlockStored", [1n, 2n], null, TOKENS, 16, null, "GPU"] as const;

  it("of requests are those of Go, by the name of the model", () => {
    const { indexer } = setUp(undefined);
    const keysOf = (model: string, salt?: string) => decimalKeys(indexer.keysOf(Uint32Array.from(TOKENS), model, salt));
    expect(keysOf("test-model")).toEqual(GO[algorithm].keys);
    expect(keysOf("test-model", "salt-xyz")[0]).toBe(GO[algorithm].salted);
    expect(keysOf("other")).not.toContain(GO[algorithm].keys[0]);
  });

  it("of events are the same, for the configured model, an adapter, or the model in the topic", () => {
    const configured = setUp("test-model");
    configured.apply(...stored);
    expect(configured.held).toEqual(GO[algorithm].keys);
    const adapter = setUp("base");
    adapter.apply(...stored, "test-model");
    expect(adapter.held).toEqual(GO[algorithm].keys);
    const salted = setUp("test-model");
    salted.apply(...stored, null, [["salt-xyz"], null]);
    expect(salted.held[0]).toBe(GO[algorithm].salted);
    const named = setUp(undefined);
    named.apply(...stored);
    expect(named.held).toEqual([]);
    expect(named.indexer.counts.unnamedModel).toBe(1);
    expect(named.indexer.nameModel("a", "test-model")).toBe(true);
    expect(named.indexer.nameModel("a", "test-model")).toBe(false);
    named.apply(...stored);
    expect(named.held).toEqual(GO[algorithm].keys);
  });
});

describe("the model in a topic", () => {
  it.each([
    ["kv@10.0.0.1:8000@org/model@v2", "org/model@v2"],
    ["kv@10.0.0.1:8000@", undefined],
    ["kv@pod", undefined],
    ["", undefined],
    ["other@a@b", undefined],
  ])("%j is %j", (topic, model) => {
    expect(modelOfTopic(topic)).toBe(model);
  });
});
