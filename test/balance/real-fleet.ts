import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { createEpp, loadPickerConfig } from "@pointsman/epp";
import { createGateway } from "@pointsman/gateway";
import { createModelSim } from "@pointsman/model-sim";
import { expandTokens, type Trace } from "@pointsman/simulation";
import { createLogger } from "@pointsman/telemetry";
import { profileFile } from "./profiles.ts";

/** Tokens in a KV block of the servers. */
export const ENGINE_BLOCK_TOKENS = 16;

export interface RealFleet {
  readonly servers: number;
  /** Blocks of the trace that each server has room for. */
  readonly blocks: number;
  readonly speed: number;
}

/**
 * Sends a trace, as token ids and at its times, through our gateway and picker to model servers, all over real sockets.
 * @returns the share of the prompt tokens that the servers say they had cached.
 */
export async function sendTrace(trace: Trace, profile: string, fleet: RealFleet): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), "pointsman-balance-"));
  const closers: (() => unknown)[] = [() => rmSync(dir, { recursive: true, force: true })];
  try {
    const sims = [];
    for (let i = 0; i < fleet.servers; i += 1) {
      const numBlocks = (fleet.blocks * trace.blockTokens) / ENGINE_BLOCK_TOKENS;
      const timing = { ttftMs: 1, prefillUsPerToken: 10, interTokenMs: 1, maxNumSeqs: 64 };
      const sim = await createModelSim({ name: `server-${i}`, ...timing, blockSize: ENGINE_BLOCK_TOKENS, numBlocks });
      sims.push(sim);
      closers.push(() => sim.close());
    }
    const endpointsFile = join(dir, "endpoints.yaml");
    const endpoints = sims.map(({ name, host, port }) => ({ name, address: host, port: String(port) }));
    writeFileSync(endpointsFile, JSON.stringify({ endpoints }));
    const { picker } = await loadPickerConfig({ file: profileFile(profile), cwd: dir, pluginRoots: [], endpointsFile });
    const epp = await createEpp({
      picker: picker!,
      log: createLogger({ level: "silent" }),
      pool: "balance",
      ports: { grpc: 0 },
    });
    closers.push(() => epp.drain(1_000));
    const gateway = await createGateway({ host: "127.0.0.1", port: 0, picker: `127.0.0.1:${epp.ports.grpc}` });
    closers.push(() => gateway.close());
    const started = performance.now();
    const answers: Promise<{ prompt: number; cached: number }>[] = [];
    for (const request of trace.requests) {
      await setTimeout(Math.max(0, request.atMs / fleet.speed - (performance.now() - started)));
      const prompt = [...expandTokens(request, trace.blockTokens)];
      answers.push(complete(gateway.url, prompt, Math.max(1, Math.min(20, request.outputTokens))));
    }
    const all = await Promise.all(answers);
    return all.reduce((sum, { cached }) => sum + cached, 0) / all.reduce((sum, { prompt }) => sum + prompt, 0);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function complete(url: string, prompt: readonly number[], maxTokens: number) {
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "sim-model", prompt, max_tokens: maxTokens }),
  });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  const { usage } = (await response.json()) as {
    usage: { prompt_tokens: number; prompt_tokens_details: { cached_tokens: number } };
  };
  return { prompt: usage.prompt_tokens, cached: usage.prompt_tokens_details.cached_tokens };
}
