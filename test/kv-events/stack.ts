import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEpp, type Epp, loadPickerConfig, reportDecision } from "@pointsman/epp";
import { createGateway, type Gateway } from "@pointsman/gateway";
import { createModelSim, type ModelSim, type ModelSimOptions } from "@pointsman/model-sim";
import { createLogger, type HostLogger } from "@pointsman/telemetry";

export interface Stack {
  readonly epp: Epp;
  readonly gateway: Gateway;
  /** What the prefix scorer says of each server for a prompt; asks with a request that changes nothing. */
  scores(prompt: readonly number[], more?: object): Promise<Readonly<Record<string, number>>>;
  complete(prompt: readonly number[], more?: object): Promise<{ readonly server: string; readonly cached: number }>;
  metric(name: string): Promise<number>;
  reload(): Promise<void>;
  close(): Promise<void>;
}

export interface StackOptions {
  /** More for the producer; `kvEventsConfig: undefined` takes it away. */
  readonly parameters?: object;
  readonly scorer?: { readonly type: string; readonly parameters?: object };
  readonly log?: HostLogger;
}

/** A server without waiting times whose cache is known exactly. */
export function startServer(name: string, options: Partial<ModelSimOptions> = {}): Promise<ModelSim> {
  return createModelSim({
    name,
    ttftMs: 0,
    interTokenMs: 0,
    prefillUsPerToken: 0,
    numBlocks: 1_000,
    kvEvents: "tcp://*:0",
    kvReplay: "tcp://*:0",
    ...options,
  });
}

/** A picker with the precise producer and nothing else that scores, and a gateway before it. */
export async function startStack(
  sims: readonly ModelSim[],
  kvEventsConfig: object = {},
  {
    parameters = {},
    scorer = { type: "prefix-cache-scorer" },
    log = createLogger({ level: "silent" }),
  }: StackOptions = {},
): Promise<Stack> {
  const dir = mkdtempSync(join(tmpdir(), "pointsman-kv-events-"));
  const endpointsFile = join(dir, "endpoints.yaml");
  const endpoints = sims.map(({ name, host, port, kvEventsPort, kvReplayPort }) => ({
    name,
    address: host,
    port: String(port),
    labels: {
      "pointsman/kv-events-port": String(kvEventsPort),
      ...(kvReplayPort === undefined ? {} : { "pointsman/kv-replay-port": String(kvReplayPort) }),
    },
  }));
  writeFileSync(endpointsFile, JSON.stringify({ endpoints }));
  const config = {
    apiVersion: "llm-d.ai/v1alpha1",
    kind: "EndpointPickerConfig",
    plugins: [
      { type: "precise-prefix-cache-producer", parameters: { kvEventsConfig, ...parameters } },
      { type: "usage-watch", package: join(import.meta.dirname, "fixtures", "usage-watch") },
      scorer,
    ],
    schedulingProfiles: [{ name: "default", plugins: [{ pluginRef: scorer.type }] }],
  };
  const load = () => loadPickerConfig({ text: JSON.stringify(config), cwd: dir, pluginRoots: [], endpointsFile });
  const { picker, diagnostics } = await load();
  if (picker === undefined) throw new Error(JSON.stringify(diagnostics));
  const epp = await createEpp({ picker, log, pool: "kv", ports: { grpc: 0 } });
  const gateway = await createGateway({ host: "127.0.0.1", port: 0, picker: `127.0.0.1:${epp.ports.grpc}` });
  let turn = 0;

  const send = async (
    prompt: readonly number[],
    more: object,
  ): Promise<{ id: string; server: string; cached: number }> => {
    const id = `kv-${(turn += 1)}`;
    const response = await fetch(`${gateway.url}/v1/completions`, {
      method: "POST",
      headers: { "x-request-id": id },
      body: JSON.stringify({ model: "sim-model", prompt, max_tokens: 1, ...more }),
    });
    const { usage } = (await response.json()) as { usage?: { prompt_tokens_details?: { cached_tokens: number } } };
    const server = response.headers.get("x-sim-server") ?? "";
    return { id, server, cached: usage?.prompt_tokens_details?.cached_tokens ?? 0 };
  };
  const nameOf = new Map(sims.map(({ host, port, name }) => [`${host}:${port}`, name]));

  return {
    epp,
    gateway,
    complete: (prompt, more = {}) => send(prompt, more),
    async scores(prompt, more = {}) {
      // The picker routes it like any other; the server refuses it before anything is cached.
      const { id } = await send(prompt, { ...more, n: -1 });
      const candidates = reportDecision(epp.decisions.find(id)[0]!).decision?.profiles[0]?.candidates ?? [];
      return Object.fromEntries(
        candidates.map(({ endpoint, scores }) => [nameOf.get(endpoint) ?? endpoint, scores[0]?.score ?? 0]),
      );
    },
    async metric(name) {
      const page = await epp.metricsPage();
      const lines = page.matchAll(new RegExp(`^llm_d_epp_${name}\\{[^}]*\\} (\\S+)$`, "gm"));
      return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
    },
    reload: async () => {
      await epp.reload((await load()).picker!);
    },
    async close() {
      await gateway.close();
      await epp.drain(1_000);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Sends a prompt to one server, past the picker. */
export async function fill(sim: ModelSim, prompt: readonly number[], more: object = {}): Promise<void> {
  const response = await fetch(`${sim.url}/v1/completions`, {
    method: "POST",
    // A server that was started anew knows nothing of old connections.
    headers: { connection: "close" },
    body: JSON.stringify({ model: "sim-model", prompt, max_tokens: 1, ...more }),
  });
  if (!response.ok) throw new Error(await response.text());
  await response.arrayBuffer();
}

/** A prompt of 40 blocks as token ids, which picker and server then agree on; each topic begins differently. */
export function story(topic: string): readonly number[] {
  return Array.from({ length: 640 }, (_, i) => 1_000 + topic.charCodeAt(i % topic.length) * 37 + i);
}
