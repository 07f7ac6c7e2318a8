import { describe, expect, it } from "vitest";
import type { ModelSim } from "../src/index.ts";
import { forever, post, startSim, until } from "./start-sim.ts";

const prompt = "The quick brown fox jumps over the lazy dog. ".repeat(8);
const body = { model: "m", prompt, max_tokens: 4 };
const asked = {
  do_remote_decode: true,
  do_remote_prefill: false,
  remote_engine_id: null,
  remote_block_ids: null,
  remote_host: null,
  remote_port: null,
};

interface Prefilled {
  readonly choices: readonly { readonly finish_reason: string }[];
  readonly kv_transfer_params: Record<string, unknown>;
}

async function prefill(sim: ModelSim, more: object = {}): Promise<Prefilled> {
  const answer = await post(sim, "/v1/completions", { ...body, max_tokens: 1, kv_transfer_params: asked, ...more });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Prefilled;
}

const decode = (sim: ModelSim, kv_transfer_params: unknown, more: object = {}): Promise<Response> =>
  post(sim, "/v1/completions", { ...body, kv_transfer_params, ...more });

async function metric(sim: ModelSim, name: string): Promise<number> {
  const page = await (await fetch(`${sim.url}/metrics`)).text();
  return Number(new RegExp(`^${name}\\{.*\\} (.*)$`, "m").exec(page)?.[1]);
}

describe("prefill and decode as vLLM's NIXL connector does them", () => {
  it("keep the blocks of the prompt until the decode server has fetched them", async () => {
    const [p, d] = [await startSim(), await startSim({ prefillUsPerToken: 1e6 })];
    const { kv_transfer_params: params, choices } = await prefill(p);
    expect(choices[0]!.finish_reason).toBe("length");
    expect(params).toMatchObject({
      do_remote_prefill: true,
      do_remote_decode: false,
      remote_host: "127.0.0.1",
      remote_port: p.port,
      tp_size: 1,
    });
    expect(params["remote_block_ids"]).toEqual(expect.arrayContaining([expect.any(Number)]));
    expect(p.state().heldBlocks).toBe((params["remote_block_ids"] as unknown[]).length);
    expect(p.state().kvUsage).toBeGreaterThan(0);
    expect(await metric(p, "sim:kv_held_blocks")).toBe(p.state().heldBlocks);

    // Computing the prompt would take a second for each of its tokens.
    const answer = await decode(d, params);
    expect(answer.status).toBe(200);
    expect(p.state()).toMatchObject({ heldBlocks: 0, kvUsage: 0, running: 0 });
    expect(await metric(p, "sim:kv_fetched_requests_total")).toBe(1);
    const [record] = d.state().requests;
    expect(record).toMatchObject({ leg: "decode", outcome: "served", remoteTokens: record!.promptTokens });
    expect(p.state().requests[0]).toMatchObject({ leg: "prefill", outcome: "served" });
  });

  it("free blocks that nobody fetches, and count them", async () => {
    const p = await startSim({ kvTransferTimeoutMs: 30 });
    await prefill(p);
    await until(() => p.state().heldBlocks === 0);
    expect(p.state().kvUsage).toBe(0);
    expect(await metric(p, "vllm:nixl_num_kv_expired_reqs_total")).toBe(1);
  });

  it("let a full server wait until blocks are fetched", async () => {
    const p = await startSim({ numBlocks: 10 });
    const first = await prefill(p);
    const second = prefill(p, { prompt: `other ${prompt}` });
    await until(() => p.state().waiting === 1);
    await decode(await startSim(), first.kv_transfer_params);
    expect((await second).kv_transfer_params["remote_block_ids"]).not.toEqual([]);
  });

  it("refuse a prefill leg that wants a stream", async () => {
    const answer = await post(await startSim(), "/v1/completions", {
      ...body,
      stream: true,
      kv_transfer_params: asked,
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain("Prefill does not support streaming");
  });

  it("take numbers and texts as block ids, and null and nothing for no transfer", async () => {
    const d = await startSim();
    const elsewhere = { do_remote_prefill: true, remote_engine_id: "e", remote_host: "127.0.0.1", remote_port: 1 };
    for (const ids of [[1, 2], ["DUMMY_ID"]]) {
      expect((await decode(d, { ...elsewhere, remote_block_ids: ids })).status).toBe(200);
    }
    expect((await decode(d, { ...elsewhere, remote_block_ids: [{}] })).status).toBe(400);
    expect((await decode(d, null)).status).toBe(200);
    expect((await decode(d, "yes")).status).toBe(400);
  });

  it("take their time for the transfer", async () => {
    const [p, d] = [await startSim({ kvTransferMs: 40 }), await startSim()];
    const { kv_transfer_params: params } = await prefill(p);
    const started = performance.now();
    await decode(d, params);
    expect(performance.now() - started).toBeGreaterThanOrEqual(39);
  });
});

describe("a transfer that fails", () => {
  it("lets the decode server compute the prompt, and leaves the blocks where they are", async () => {
    const [p, d] = [await startSim(), await startSim()];
    const { kv_transfer_params: params } = await prefill(p);
    p.setFailure({ mode: "transfer-reset", count: 1 });
    expect((await decode(d, params)).status).toBe(200);
    expect(d.state().requests[0]).toMatchObject({ leg: "decode", remoteTokens: 0 });
    expect(await metric(d, "sim:kv_failed_fetches_total")).toBe(1);
    expect(p.state().heldBlocks).toBeGreaterThan(0);
  });

  it("fails the request where the server is told so, also when the prefill server has died", async () => {
    const [p, d] = [await startSim(), await startSim({ kvLoadFailure: "fail" })];
    const { kv_transfer_params: params } = await prefill(p);
    await p.close();
    const answer = await decode(d, params);
    expect(answer.status).toBe(500);
    expect(d.state()).toMatchObject({ running: 0, waiting: 0, kvUsage: 0 });
  });

  it("ends when the client leaves, and the blocks stay with the prefill server", async () => {
    const [p, d] = [await startSim(), await startSim()];
    const { kv_transfer_params: params } = await prefill(p);
    p.setFailure({ mode: "transfer-hang" });
    const abort = new AbortController();
    const answer = post(d, "/v1/completions", { ...body, kv_transfer_params: params }, { signal: abort.signal });
    await until(() => d.state().requests.length === 1);
    abort.abort();
    await expect(answer).rejects.toThrow();
    await until(() => d.state().aborted === 1);
    expect(d.state()).toMatchObject({ running: 0, waiting: 0, kvUsage: 0 });
    expect(p.state().heldBlocks).toBeGreaterThan(0);
  });
});

describe("legs that run at the same time", () => {
  it("meet in a bootstrap room, as with SGLang", async () => {
    const p = await startSim({ role: "prefill", ttftMs: 30 });
    const d = await startSim({ role: "decode" });
    const both = { ...body, stream: true, bootstrap_host: "127.0.0.1", bootstrap_port: p.port, bootstrap_room: 77 };
    const [first, second] = await Promise.all([post(p, "/v1/completions", both), post(d, "/v1/completions", both)]);
    expect(await second.text()).toContain("[DONE]");
    await first.text();
    expect(d.state().requests[0]).toMatchObject({ leg: "decode", outcome: "served" });
    expect(d.state().requests[0]!.remoteTokens).toBeGreaterThan(0);
    expect(p.state()).toMatchObject({ heldBlocks: 0, kvUsage: 0 });
  });

  it("tell by its address which of two servers without a role prefills", async () => {
    const [p, d] = [await startSim(), await startSim()];
    const both = {
      ...body,
      bootstrap_host: "127.0.0.1",
      bootstrap_port: p.port,
      bootstrap_room: 9_007_199_254_740_000,
    };
    await Promise.all([post(p, "/v1/completions", both), post(d, "/v1/completions", both)]);
    expect([p, d].map((sim) => sim.state().requests[0]!.leg)).toEqual(["prefill", "decode"]);
  });

  it("meet under a transfer id, as with Mooncake, whose bootstrap port tells the engine", async () => {
    const probe = await startSim();
    const bootstrapPort = probe.port;
    await probe.close();
    const [p, d] = [await startSim({ bootstrapPort }), await startSim()];
    const at = `http://127.0.0.1:${bootstrapPort}`;
    const query = (await (await fetch(`${at}/query`)).json()) as Record<string, { engine_id: string }>;
    const transfer_id = "xfer-1";
    const waiting = decode(d, {
      do_remote_prefill: true,
      do_remote_decode: false,
      transfer_id,
      remote_bootstrap_addr: at,
      remote_engine_id: query["0"]!.engine_id,
    });
    await prefill(p, { kv_transfer_params: { do_remote_decode: true, do_remote_prefill: false, transfer_id } });
    expect((await waiting).status).toBe(200);
    expect(d.state().requests[0]!.remoteTokens).toBeGreaterThan(0);
    expect(p.state().heldBlocks).toBe(0);
  });

  it("do not wait for ever", async () => {
    const d = await startSim({ role: "decode", kvTransferTimeoutMs: 30, ttftMs: 0 });
    const p = await startSim({ role: "prefill", kvTransferTimeoutMs: 30 });
    const room = { ...body, bootstrap_host: "127.0.0.1", bootstrap_port: p.port, bootstrap_room: 1 };
    expect((await post(d, "/v1/completions", room)).status).toBe(200);
    expect(d.state().requests[0]!.remoteTokens).toBe(0);
  });

  it("hold no more than the server has when they are aborted", async () => {
    const p = await startSim({ ttftMs: forever });
    const abort = new AbortController();
    const answer = post(p, "/v1/completions", { ...body, kv_transfer_params: asked }, { signal: abort.signal });
    await until(() => p.state().running === 1);
    abort.abort();
    await expect(answer).rejects.toThrow();
    await until(() => p.state().running === 0);
    expect(p.state()).toMatchObject({ heldBlocks: 0, kvUsage: 0 });
  });
});
