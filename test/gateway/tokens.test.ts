import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEpp, type Epp, loadPickerConfig } from "@pointsman/epp";
import { createGateway, type Gateway } from "@pointsman/gateway";
import { createModelSim, type ModelSim } from "@pointsman/model-sim";
import { createLogger } from "@pointsman/telemetry";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const tokenizer = join(import.meta.dirname, "../../packages/tokenization/test/fixtures/byte-level");

const RANGES = ["0-50", "51-100000"];

let dir: string;
let sims: ModelSim[];
let renderer: ModelSim;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "pointsman-tokens-"));
  const options = { tokenizer, ttftMs: 0, interTokenMs: 0, prefillUsPerToken: 0 };
  sims = await Promise.all(["short", "long"].map((name) => createModelSim({ name, ...options })));
  renderer = await createModelSim({ name: "renderer", ...options });
  const endpoints = sims.map(({ name, host, port }, i) => ({
    name,
    address: host,
    port: String(port),
    labels: { "llm-d.ai/context-length-range": RANGES[i]! },
  }));
  writeFileSync(join(dir, "endpoints.yaml"), JSON.stringify({ endpoints }));
});
afterAll(async () => {
  await Promise.all([...sims, renderer].map((sim) => sim.close()));
  rmSync(dir, { recursive: true, force: true });
});

/** A picker that routes by length, with this configuration of the token producer, and a gateway before it. */
async function withPicker(parameters: object, use: (gateway: Gateway, epp: Epp) => Promise<void>): Promise<void> {
  const text = JSON.stringify({
    apiVersion: "llm-d.ai/v1alpha1",
    kind: "EndpointPickerConfig",
    plugins: [
      { type: "token-producer", parameters },
      { type: "context-length-aware", parameters: { enableFiltering: true } },
    ],
  });
  const endpointsFile = join(dir, "endpoints.yaml");
  const { picker } = await loadPickerConfig({ text, cwd: dir, pluginRoots: [], endpointsFile });
  const epp = await createEpp({
    picker: picker!,
    log: createLogger({ level: "silent" }),
    pool: "t",
    ports: { grpc: 0 },
  });
  const gateway = await createGateway({ host: "127.0.0.1", port: 0, picker: `127.0.0.1:${epp.ports.grpc}` });
  try {
    while (!epp.ready) await new Promise((resolve) => setTimeout(resolve, 10));
    await use(gateway, epp);
  } finally {
    await gateway.close();
    await epp.drain(0);
  }
}

/** Each digit is a token: 25 tokens by the estimate, about 100 by the tokenizer. */
const digits = "7 ".repeat(50);

/** Requests whose real length is beyond what the first server is meant for, and the estimate is not. */
const longRequests: readonly (readonly [string, object])[] = [
  ["/v1/completions", { prompt: digits }],
  ["/v1/chat/completions", { messages: [{ role: "user", content: digits }] }],
  ["/v1/messages", { max_tokens: 4, messages: [{ role: "user", content: digits }] }],
  ["/v1/responses", { input: digits }],
];

async function ask(gateway: Gateway, path: string, body: object): Promise<{ server: string; promptTokens: number }> {
  const response = await fetch(gateway.url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "sim-model", ...body }),
  });
  expect(response.status).toBe(200);
  const { usage } = (await response.json()) as { usage: { prompt_tokens?: number; input_tokens?: number } };
  const promptTokens = usage.prompt_tokens ?? usage.input_tokens!;
  return { server: response.headers.get("x-sim-server") ?? "", promptTokens };
}

describe.each([
  ["a tokenizer in the picker", () => ({ tokenizer: { path: tokenizer } }), "in_process"],
  ["a vLLM server as the renderer", () => ({ modelName: "sim-model", vllm: { url: renderer.url } }), "vllm"],
])("with %s", (_name, parameters, backend) => {
  it("requests go where their real length belongs", async () => {
    await withPicker(parameters(), async (gateway, epp) => {
      for (const [path, body] of longRequests) {
        const { server, promptTokens } = await ask(gateway, path, body);
        expect(promptTokens, path).toBeGreaterThan(50);
        expect(server, path).toBe("long");
      }
      expect((await ask(gateway, "/v1/completions", { prompt: "The endpoint picker." })).server).toBe("short");
      const page = await epp.metricsPage();
      const counts = [...page.matchAll(/^llm_d_epp_tokenization_duration_seconds_count\{([^}]*)\} (\S+)$/gm)];
      expect(counts).toHaveLength(1);
      expect(counts[0]![1]).toContain(`backend="${backend}"`);
      expect(counts[0]![2]).toBe("5");
    });
  });
});

it("with the estimate they go by their bytes", async () => {
  await withPicker({}, async (gateway) => {
    expect((await ask(gateway, "/v1/completions", { prompt: digits })).server).toBe("short");
    expect((await ask(gateway, "/v1/completions", { prompt: digits.repeat(3) })).server).toBe("long");
  });
});

it("a tokenizer that is not there costs the picker nothing but exact tokens", async () => {
  await withPicker({ tokenizer: { path: "/nowhere" }, fallback: "estimate" }, async (gateway, epp) => {
    expect((await ask(gateway, "/v1/completions", { prompt: digits })).server).toBe("short");
    expect(await epp.metricsPage()).toMatch(/tokenization_fallbacks_total\{[^}]*reason="not_loaded"[^}]*\} 1/);
  });
});
