import { TokenizedPrompt } from "@pointsman/plugin-api/keys";
import tokenProducer from "@pointsman/plugin-producer-tokens";
import {
  configIssues,
  createTestHost,
  createTestRequest,
  keptBy,
  scoresOf,
  setUpPlugin,
} from "@pointsman/plugin-testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rateContextRange } from "../src/context-range.ts";
import plugin from "../src/index.ts";

const LABEL = "llm-d.ai/context-length-range";
const endpoints = [
  { name: "short", labels: { [LABEL]: "0-8192" } },
  { name: "long", labels: { [LABEL]: "8193-131072" } },
  { name: "one", labels: { [LABEL]: "100 - 100" } },
  { name: "nonsense", labels: { [LABEL]: "long" } },
  { name: "backwards", labels: { [LABEL]: "9-1" } },
  { name: "unlabelled" },
];

function requestWith(tokens: number | undefined): ReturnType<typeof createTestRequest> {
  const request = createTestRequest();
  if (tokens !== undefined) request.locals.set(TokenizedPrompt, new Uint32Array(tokens));
  return request;
}

async function kept(tokens: number | undefined, config: object = { enableFiltering: true }): Promise<string[]> {
  const { filter, pool } = await setUpPlugin(plugin, { config, endpoints });
  return keptBy(filter!, requestWith(tokens), pool.candidates());
}

async function scores(tokens: number | undefined, config: object = {}): Promise<number[]> {
  const { scorer, pool } = await setUpPlugin(plugin, { config, endpoints });
  return scoresOf(scorer!, requestWith(tokens), pool.candidates());
}

const all = endpoints.map(({ name }) => name);

describe("the filter", () => {
  it("keeps endpoints whose range holds the prompt, both ends included, and those without the label", async () => {
    expect(await kept(100)).toEqual(["short", "one", "unlabelled"]);
    expect(await kept(8192)).toEqual(["short", "unlabelled"]);
    expect(await kept(8193)).toEqual(["long", "unlabelled"]);
    expect(await kept(200_000)).toEqual(["unlabelled"]);
  });

  it("keeps all unless it is switched on, and when the length is not known", async () => {
    expect(await kept(100, {})).toEqual(all);
    expect(await kept(undefined)).toEqual(all);
  });

  it("reads another label when told so", async () => {
    expect(await kept(100, { enableFiltering: true, label: "range" })).toEqual(all);
  });
});

describe("the scorer", () => {
  it("rates as llm-d does", async () => {
    const [short, long, one, nonsense, backwards, unlabelled] = await scores(1_000);
    expect(short).toBeCloseTo(0.3 + 0.7 * ((0.7 * 1) / (1 + 0.8192) + (0.3 * 7_192) / 8_192), 12);
    expect(long).toBeCloseTo(0.3 / (1 + 7.193), 12);
    expect(one).toBeCloseTo(0.3 / (1 + 0.9), 12);
    expect([nonsense, backwards, unlabelled]).toEqual([0, 0, 0.5]);
    expect((await scores(100))[2]).toBe(1);
  });

  it("abstains when the length is not known", async () => {
    expect((await scores(undefined)).every(Number.isNaN)).toBe(true);
  });

  it("puts every range that holds the prompt above every one that does not", () => {
    const range = fc
      .tuple(fc.nat(200_000), fc.nat(200_000))
      .map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) }));
    fc.assert(
      fc.property(range, fc.nat(300_000), (one, tokens) => {
        const rating = rateContextRange(one, tokens);
        const inside = tokens >= one.min && tokens <= one.max;
        expect(rating).toBeGreaterThan(0);
        expect(rating).toBeLessThanOrEqual(1);
        expect(rating >= 0.3).toBe(inside);
      }),
    );
  });
});

it("in a profile it goes by the length that the token producer found", async () => {
  const host = await createTestHost({
    plugins: [plugin, tokenProducer],
    config: {
      plugins: [{ type: "token-producer" }, { type: "context-length-aware", parameters: { enableFiltering: true } }],
    },
    endpoints: [
      { name: "small", labels: { [LABEL]: "0-10" } },
      { name: "large", labels: { [LABEL]: "11-1000" } },
    ],
  });
  expect((await host.route({ prompt: "short" })).picked).toEqual(["small"]);
  expect((await host.route({ prompt: "a longer prompt ".repeat(20) })).picked).toEqual(["large"]);
  await host.stop();
});

it("refuses options that it does not have", () => {
  expect(configIssues(plugin, { label: "" })).toHaveLength(1);
  expect(configIssues(plugin, { enabled: true })).toHaveLength(1);
});
