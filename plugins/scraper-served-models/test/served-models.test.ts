import type { Attribute, DataKey } from "@pointsman/plugin-api";
import { openPlugin } from "@pointsman/plugin-api/internal";
import { ServedModels } from "@pointsman/plugin-api/keys";
import { configIssues, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import manifest from "../package.json" with { type: "json" };
import definitions from "../src/index.ts";
import { modelsDataExtractor } from "../src/models-data-extractor.ts";
import { modelsDataSource } from "../src/models-data-source.ts";

async function extractorUnderTest() {
  const plugin = await setUpPlugin(modelsDataExtractor, { endpoints: [{}] });
  return {
    ...plugin,
    extract(body: unknown): ReadonlySet<string> | undefined {
      let written: unknown;
      const bytes =
        body instanceof Uint8Array ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
      plugin.extractor!.extract(
        plugin.pool.datastore.snapshot().endpoints[0]!,
        { format: "openai-models", body: bytes },
        {
          set(attribute: Attribute, value: unknown) {
            expect(attribute.key).toBe(ServedModels.key);
            written = value;
          },
        },
      );
      return written as ReadonlySet<string> | undefined;
    },
  };
}

const list = (...ids: unknown[]) => ({
  object: "list",
  data: ids.map((id) => ({ id, object: "model", owned_by: "vllm" })),
});

describe("the extractor of served models", () => {
  it("writes the ids of models and adapters as one set", async () => {
    const { extract, extractor } = await extractorUnderTest();
    expect(extractor!.accepts).toEqual(["openai-models"]);
    expect(extract(list("llama", "sql-adapter", "llama"))).toEqual(new Set(["llama", "sql-adapter"]));
    expect(extract(list("größe/模型"))).toEqual(new Set(["größe/模型"]));
    expect(extract(list())).toEqual(new Set());
  });

  it("writes an unchanged list again, as the same set, without keeping the bytes it was given", async () => {
    const { extract } = await extractorUnderTest();
    const body = Buffer.from(JSON.stringify(list("a")));
    const first = extract(body);
    expect(extract(Buffer.from(body))).toBe(first);
    body.fill(0x20);
    expect(extract(list("a"))).toBe(first);
    expect(extract(list("b"))).toEqual(new Set(["b"]));
  });

  it("passes over entries without an id, and says once that it left long names out", async () => {
    const { extract, services } = await extractorUnderTest();
    const body = { data: [{ id: "a" }, { id: 7 }, {}, null, "b", { id: "" }, { id: "x".repeat(513) }] };
    expect(extract(body)).toEqual(new Set(["a"]));
    expect(extract({ ...body, again: true })).toEqual(new Set(["a"]));
    expect(services.logs.map(({ level }) => level)).toEqual(["warn"]);
    expect(extract(list("x".repeat(512)))?.size).toBe(1);
  });

  it.each([
    ["nothing", "", /not JSON/],
    ["HTML", "<html>", /not JSON/],
    ["half a list", '{"data": [{"id": "a"}', /not JSON/],
    ["bytes", Buffer.from([0xff, 0xfe, 0]), /not JSON/],
    ["brackets without end", "[".repeat(200_000), /not JSON/],
    ["null", "null", /no list named data/],
    ["a bare list", "[]", /no list named data/],
    ["a data member that is no list", { data: { id: "a" } }, /no list named data/],
    ["entries without ids", { data: [{ name: "a" }] }, /usable id/],
    ["too many models", list(...Array.from({ length: 4_097 }, (_, i) => `m${i}`)), /4097 models/],
  ])("refuses %s", async (_, body, message) => {
    const { extract } = await extractorUnderTest();
    const error = { code: "ERR_SCRAPE_FORMAT", message: expect.stringMatching(message) };
    expect(() => extract(body)).toThrow(expect.objectContaining(error));
  });

  it("takes 4096 models", async () => {
    const { extract } = await extractorUnderTest();
    expect(extract(list(...Array.from({ length: 4_096 }, (_, i) => `m${i}`)))?.size).toBe(4_096);
  });

  it("forgets endpoints that leave", async () => {
    const { extract, pool } = await extractorUnderTest();
    const first = extract(list("a"));
    pool.datastore.replace([]);
    pool.datastore.replace([{ name: "pod-0", host: "192.168.1.1", port: 8000 }]);
    expect(extract(list("a"))).not.toBe(first);
  });
});

describe("the source of served models", () => {
  it("asks every ten seconds unless told otherwise", async () => {
    expect((await setUpPlugin(modelsDataSource)).scraper?.intervalMs).toBe(10_000);
    expect((await setUpPlugin(modelsDataSource, { config: { interval: "1m" } })).scraper?.intervalMs).toBe(60_000);
    expect(configIssues(modelsDataSource, { interval: "often" })).toEqual([expect.stringMatching(/^interval: /)]);
  });
});

it("the package is what its manifest says", () => {
  const types: Record<string, { description: string; writes: string[] }> = manifest.pointsman.types;
  const specs = definitions.map((definition) => openPlugin(definition)).filter((opened) => typeof opened === "object");
  expect(specs.map(({ spec }) => spec.type)).toEqual(Object.keys(types));
  for (const { spec } of specs) {
    expect(types[spec.type]!.description).toBe(spec.description);
    expect(types[spec.type]!.writes).toEqual((spec.writes ?? []).map(({ key }: DataKey) => key));
  }
});
