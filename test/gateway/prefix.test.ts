import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEpp, type Epp, loadPickerConfig, reportDecision } from "@pointsman/epp";
import { createGateway, type Gateway } from "@pointsman/gateway";
import { createModelSim, type ModelSim } from "@pointsman/model-sim";
import { createLogger } from "@pointsman/telemetry";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let dir: string;
let sims: ModelSim[];
let epp: Epp;
let gateway: Gateway;

/** No configuration at all: the built-in default, which is llm-d's. */
const builtIn = () => loadPickerConfig({ cwd: dir, pluginRoots: [], endpointsFile: join(dir, "endpoints.yaml") });

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "pointsman-prefix-"));
  sims = await Promise.all(
    ["a", "b", "c", "d"].map((name) =>
      createModelSim({ name, ttftMs: 1, interTokenMs: 0, prefillUsPerToken: 0, numBlocks: 10_000 }),
    ),
  );
  const endpoints = sims.map(({ name, host, port }) => ({ name, address: host, port: String(port) }));
  writeFileSync(join(dir, "endpoints.yaml"), JSON.stringify({ endpoints }));
  epp = await createEpp({
    picker: (await builtIn()).picker!,
    log: createLogger({ level: "silent" }),
    pool: "prefix",
    ports: { grpc: 0 },
  });
  gateway = await createGateway({ host: "127.0.0.1", port: 0, picker: `127.0.0.1:${epp.ports.grpc}` });
});
afterAll(async () => {
  await gateway.close();
  await epp.drain(1_000);
  await Promise.all(sims.map((sim) => sim.close()));
  rmSync(dir, { recursive: true, force: true });
});

let turn = 0;

/** Sends a completion; resolves with the name of the server and the tokens it had cached. */
async function complete(prompt: string, more: object = {}): Promise<{ server: string; cached: number; id: string }> {
  turn += 1;
  const id = `prefix-${turn}`;
  const response = await fetch(`${gateway.url}/v1/completions`, {
    method: "POST",
    headers: { "x-request-id": id },
    body: JSON.stringify({ model: "sim-model", prompt, max_tokens: 1, ...more }),
  });
  const { usage } = (await response.json()) as { usage: { prompt_tokens_details?: { cached_tokens: number } } };
  const cached = usage.prompt_tokens_details?.cached_tokens ?? 0;
  return { server: response.headers.get("x-sim-server") ?? "", cached, id };
}

/** What the prefix scorer said of each endpoint, by address. */
function prefixScores(id: string): Record<string, number | null> {
  const report = reportDecision(epp.decisions.find(id)[0]!);
  const candidates = report.decision?.profiles[0]?.candidates ?? [];
  return Object.fromEntries(
    candidates.map(({ endpoint, scores }) => [
      endpoint,
      scores.find(({ scorer }) => scorer === "prefix-cache-scorer")?.score ?? null,
    ]),
  );
}

const conversation = (topic: string) => `${topic}: ${"the quick brown fox jumps over the lazy dog. ".repeat(60)}`;

describe("the built-in default", () => {
  it("is llm-d's, prefix affinity included", () => {
    const types = epp.boot.map(({ type }) => type);
    for (const type of ["prefix-cache-scorer", "approx-prefix-cache-producer", "token-producer"])
      expect(types).toContain(type);
  });

  it("sends what begins alike to the same server, which has it cached", async () => {
    for (const topic of ["trains", "points", "signals", "rails"]) {
      const first = await complete(conversation(topic));
      for (let i = 0; i < 3; i += 1) {
        const next = await complete(`${conversation(topic)} and question ${i}`);
        expect(next.server).toBe(first.server);
        expect(next.cached).toBeGreaterThan(100);
      }
    }
  });

  it("keeps what it knows over a reload", async () => {
    const first = await complete(conversation("before the reload"));
    await epp.reload((await builtIn()).picker!);
    expect((await complete(`${conversation("before the reload")} more`)).server).toBe(first.server);
  });

  it("does not let one tenant's salt match another's", async () => {
    await complete(conversation("salted"), { cache_salt: "one" });
    const { id } = await complete(conversation("salted"), { cache_salt: "two" });
    expect(Object.values(prefixScores(id)).every((score) => score === 0)).toBe(true);
    const again = await complete(conversation("salted"), { cache_salt: "one" });
    expect(Math.max(...Object.values(prefixScores(again.id)).map(Number))).toBeGreaterThan(0.9);
  });

  it("says how large its index is and how well it hits", async () => {
    const page = await epp.metricsPage();
    expect(page).toMatch(/llm_d_epp_prefix_indexer_size\{.*\} [1-9]/);
    expect(page).toContain("llm_d_epp_prefix_indexer_hit_ratio_count");
  });
});
