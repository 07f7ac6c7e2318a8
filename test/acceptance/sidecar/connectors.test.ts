import { moriioRank, p2pPort, parseTarget } from "@pointsman/pd-sidecar";
import { describe, expect, it } from "vitest";
import {
  hang,
  inTurn,
  type JsonObject,
  json,
  prefillAnswer,
  type Reply,
  sse,
  startBackend,
  text,
} from "./harness/backend.ts";
import { CHAT, type Rig, startRig } from "./harness/rig.ts";

const params = (sent: JsonObject): JsonObject => sent["kv_transfer_params"] as JsonObject;
const POD = { POD_IP: "10.9.9.1" };

describe("shared storage", () => {
  const flags = ["--kv-connector", "shared-storage"];
  const finished = (reason: string) => ({ id: "d", choices: [{ finish_reason: reason, message: { content: "x" } }] });

  it("C1 runs the prefill with threshold 0, then the decode with threshold 0", async () => {
    const rig = await startRig(flags);
    await rig.disaggregated({ body: { ...CHAT, stream: true } });
    const expected = { ...CHAT, stream: true, cache_hit_threshold: 0 };
    expect(rig.prefill.last.json).toEqual({ ...expected, max_tokens: 1, max_completion_tokens: 1 });
    expect(rig.decode.seen.map((seen) => seen.json)).toEqual([expected]);
  });

  it("C3 asks the decode server first where a threshold is sent, and prefills only after a miss", async () => {
    const rig = await startRig(flags, { decode: inTurn(json(finished("cache_threshold")), json(finished("stop"))) });
    const body = { ...CHAT, cache_hit_threshold: 0.5 };
    expect((await rig.disaggregated({ body })).json).toEqual(finished("stop"));
    expect(rig.decode.seen.map((seen) => seen.json["cache_hit_threshold"])).toEqual([0.5, 0]);
    expect(rig.prefill.seen).toHaveLength(1);
    // A hit is the answer.
    expect((await rig.disaggregated({ body })).json).toEqual(finished("stop"));
    expect([rig.decode.seen.length, rig.prefill.seen.length]).toEqual([3, 1]);
  });

  it("C4 shows a streaming client the second stream only", async () => {
    const decode = inTurn(
      sse({ choices: [{ delta: {} }] }, { choices: [{ finish_reason: "cache_threshold" }] }, "[DONE]"),
      sse({ choices: [{ delta: { content: "a" } }] }, { choices: [{ delta: { content: "b" } }] }, { n: 3 }, "[DONE]"),
    );
    const rig = await startRig(flags, { decode });
    const body = { ...CHAT, stream: true, cache_hit_threshold: 0.5 };
    const answer = await rig.disaggregated({ body });
    expect(answer.events.map((event) => event.slice(0, 40))).toEqual([
      '{"choices":[{"delta":{"content":"a"}}]}',
      '{"choices":[{"delta":{"content":"b"}}]}',
      '{"n":3}',
      "[DONE]",
    ]);
    expect([rig.decode.seen.length, rig.prefill.seen.length]).toEqual([2, 1]);
    // A stream that hits passes whole.
    expect((await rig.disaggregated({ body })).events).toHaveLength(4);
    expect([rig.decode.seen.length, rig.prefill.seen.length]).toEqual([3, 1]);
  });

  it("C6 limits max_completion_tokens of the prefill, sent or not, and leaves the decode server's alone", async () => {
    const rig = await startRig(flags);
    await rig.disaggregated({ body: { ...CHAT, max_completion_tokens: 100 } });
    expect(rig.prefill.last.json).toMatchObject({ max_completion_tokens: 1 });
    expect(rig.decode.last.json).toMatchObject({ max_completion_tokens: 100 });
    await rig.disaggregated();
    expect(rig.prefill.last.json).toMatchObject({ max_completion_tokens: 1 });
    expect(rig.decode.last.json).not.toHaveProperty("max_completion_tokens");
  });
});

describe("SGLang", () => {
  it("C7 sends one body to both servers, with a room of the prefill server", async () => {
    const rig = await startRig(["--kv-connector=sglang"], { decode: json({ id: "d" }) });
    expect((await rig.disaggregated()).json).toEqual({ id: "d" });
    const [sent] = rig.prefill.seen;
    expect(sent!.json).toMatchObject({ ...CHAT, bootstrap_host: "127.0.0.1", bootstrap_port: 8998 });
    expect(Number.isSafeInteger(sent!.json["bootstrap_room"])).toBe(true);
    expect(rig.decode.seen.map((seen) => seen.text)).toEqual([sent!.text]);
    expect(rig.prefill.seen).toHaveLength(1);
  });
});

describe("Mooncake", () => {
  async function startMooncake(ranks: JsonObject): Promise<Rig & { queries: () => number }> {
    const bootstrap = await startBackend(json(ranks));
    const rig = await startRig(["--kv-connector=mooncake", `--mooncake-bootstrap-port=${bootstrap.port}`]);
    return { ...rig, queries: () => bootstrap.seen.filter(({ path }) => path === "/query").length };
  }

  it("C9 gives both servers one transfer, and the decode server the engine that the bootstrap server names", async () => {
    const rig = await startMooncake({ "0": { engine_id: "e0" } });
    const body = { ...CHAT, max_tokens: 50, stream: true };
    await rig.disaggregated({ body });
    const [p, d] = [params(rig.prefill.last.json), params(rig.decode.last.json)];
    expect(p).toEqual({ do_remote_prefill: false, do_remote_decode: true, transfer_id: d["transfer_id"] });
    expect(d).toEqual({
      do_remote_prefill: true,
      do_remote_decode: false,
      transfer_id: expect.stringMatching(/^xfer-[0-9a-f-]{36}$/),
      remote_bootstrap_addr: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      remote_engine_id: "e0",
    });
    expect(rig.prefill.last.json).toMatchObject({ max_tokens: 1, stream: false });
    expect(rig.decode.last.json).toMatchObject(body);
    await rig.disaggregated();
    expect(rig.queries()).toBe(1);
  });

  it("C10 takes the engine of the rank that it names to the prefill server", async () => {
    const ranks = { "0": { engine_id: "e0" }, "1": { engine_id: "e1" }, "2": { engine_id: "e2" } };
    const rig = await startMooncake(ranks);
    const seen = new Set<string>();
    for (let i = 0; i < 200 && seen.size < 3; i++) {
      await rig.disaggregated();
      const rank = String(rig.prefill.last.headers["x-data-parallel-rank"]);
      expect(params(rig.decode.last.json)["remote_engine_id"]).toBe(ranks[rank as "0"].engine_id);
      seen.add(rank);
    }
    expect([...seen].sort()).toEqual(["0", "1", "2"]);
  });
});

describe("offloading and P2P", () => {
  const flags = ["--kv-connector=offloading"];
  const SOURCE = "x-kv-cache-source-host-port";
  const source = { kv_request_id: expect.any(String), remote_host: "10.9.9.9", remote_port: 7777 };

  it("C12 lets the decode server fetch from the prefill server by one id", async () => {
    const rig = await startRig(flags);
    const body = { ...CHAT, max_tokens: 50, max_completion_tokens: 100, stream: true, stream_options: {} };
    await rig.disaggregated({ body });
    const [p, d] = [params(rig.prefill.last.json), params(rig.decode.last.json)];
    const { kv_request_id: id } = p["remote_decoder"] as JsonObject;
    expect(p).toEqual({ remote_decoder: { kv_request_id: id } });
    expect(d).toEqual({ remote_prefiller: { kv_request_id: id, remote_host: "127.0.0.1", remote_port: 7777 } });
    expect(rig.prefill.last.json).toMatchObject({ max_tokens: 1, max_completion_tokens: 1, stream: false });
    expect(rig.prefill.last.json).not.toHaveProperty("stream_options");
    expect(rig.decode.last.json).toMatchObject({ max_tokens: 50, max_completion_tokens: 100, stream: true });
    await rig.disaggregated();
    expect(rig.prefill.last.json).not.toHaveProperty("max_completion_tokens");
  });

  it("C13 derives the P2P port from the rank that a target's port stands for", () => {
    const settings = { "p2p-connector-port": 7777, port: 8000, "data-parallel-size": 4 };
    const hosts = ["h:8000", "h:8002", "h:8003", "h:7999", "h:8004", "h", "h:http", "http://h:8002"];
    const ports = hosts.map((host) => p2pPort(parseTarget(host)!.port, settings));
    expect(ports).toEqual([7777, 7779, 7780, 7777, 7777, 7777, 7777, 7779]);
  });

  it("C15 pulls a cached prefix for the decode server alone, instead of what the client asked for", async () => {
    const rig = await startRig(flags);
    await rig.ask({ headers: { [SOURCE]: "10.9.9.9:8000" }, body: { ...CHAT, kv_transfer_params: { mine: 1 } } });
    expect(params(rig.decode.last.json)).toEqual({ remote_kv_source: source });
    expect(rig.decode.last.headers).not.toHaveProperty(SOURCE);
    expect(rig.prefill.seen).toHaveLength(0);
  });

  it("C16 lets the prefill server pull where both are named, under an id of its own", async () => {
    const rig = await startRig(flags);
    await rig.disaggregated({ headers: { [SOURCE]: "10.9.9.9:8000" } });
    const p = params(rig.prefill.last.json) as { [name: string]: JsonObject };
    expect(p).toEqual({ remote_decoder: { kv_request_id: expect.any(String) }, remote_kv_source: source });
    expect(p["remote_decoder"]!["kv_request_id"]).not.toBe(p["remote_kv_source"]!["kv_request_id"]);
    expect(Object.keys(params(rig.decode.last.json))).toEqual(["remote_prefiller"]);
  });

  it("C18 ignores a source that is no address or this very server, but not another rank of the pod", async () => {
    const rig = await startRig(flags, { env: POD });
    const own = `10.9.9.1:${rig.sidecar.port}`;
    for (const ignored of ["not-a-host-port", ":8000", own]) {
      await rig.ask({ headers: { [SOURCE]: ignored } });
      expect(rig.decode.last.json, ignored).toEqual(CHAT);
    }
    await rig.ask({ headers: { [SOURCE]: `10.9.9.1:${rig.sidecar.port + 1}` } });
    expect(params(rig.decode.last.json)).toMatchObject({ remote_kv_source: { remote_host: "10.9.9.1" } });
  });

  it("C19 gives every request an id of its own", async () => {
    const rig = await startRig(flags);
    for (let i = 0; i < 2; i++) await rig.ask({ headers: { [SOURCE]: "10.9.9.9:8000" } });
    const ids = rig.decode.seen.map(
      ({ json: sent }) => (params(sent)["remote_kv_source"] as JsonObject)["kv_request_id"],
    );
    expect(new Set(ids).size).toBe(2);
  });
});

describe("MoRI-IO", () => {
  const WRITE = ["--moriio-write-mode", "--moriio-dp-size=8"];

  it("C21 derives the rank from the request id", () => {
    const ids = ["abc", "cmpl-foo-0", "00000000-0000-0000-0000-000000000000"];
    expect(ids.map((id) => moriioRank(id, 8))).toEqual([2, 5, 6]);
    expect([moriioRank("abc", 2), moriioRank("abc", 16), moriioRank("abc", 1), moriioRank("abc", 0)]).toEqual([
      0, 2, 0, 0,
    ]);
  });

  it.each<[unknown, string | undefined]>([
    [3, "3"],
    [0, "0"],
    [undefined, undefined],
    ["two", undefined],
    [3.5, undefined],
    [8, undefined],
    [-1, undefined],
  ])("C22 decodes on the rank %s that the prefill server names, or on the request's", async (named, expected) => {
    const rig = await startRig(WRITE, { prefill: json({ kv_transfer_params: { remote_dp_rank: named } }) });
    await rig.disaggregated();
    const hashed = String(moriioRank(String(rig.prefill.last.headers["x-request-id"]), 8));
    expect(rig.prefill.last.headers["x-data-parallel-rank"]).toBe(hashed);
    expect(rig.decode.last.headers["x-data-parallel-rank"]).toBe(expected ?? hashed);
  });

  it.each<[string, Reply, Reply, (rig: Rig) => Promise<void>]>([
    [
      "a prefill that failed is what the client hears of",
      json({ error: "boom" }, 500),
      json({ id: "d" }),
      async (rig) => expect(await rig.disaggregated()).toMatchObject({ status: 500, text: '{"error":"boom"}' }),
    ],
    [
      "two servers that hang end in 504",
      hang,
      hang,
      async (rig) => {
        const began = performance.now();
        expect((await rig.disaggregated()).status).toBe(504);
        expect(performance.now() - began).toBeLessThan(5_000);
      },
    ],
    [
      "the decode server's events arrive whole",
      prefillAnswer(),
      sse({ choices: [{ delta: { content: "a" } }] }, "[DONE]"),
      async (rig) => {
        const { events } = await rig.disaggregated({ body: { ...CHAT, stream: true } });
        expect(events).toEqual(['{"choices":[{"delta":{"content":"a"}}]}', "[DONE]"]);
        expect(params(rig.decode.last.json)["transfer_id"]).toBe(params(rig.prefill.last.json)["transfer_id"]);
      },
    ],
  ])("C24 runs both legs at once in WRITE mode, without fallback: %s", async (_, prefill, decode, check) => {
    const flags = [...WRITE, "--moriio-parallel-dispatch", "--moriio-parallel-decode-wait-timeout=300ms"];
    await check(await startRig([...flags, "--fallback-to-decode=false"], { prefill, decode }));
  });
});

describe("protocols of the past", () => {
  it("NIXL v1 copies four members from the top of the prefill's answer", async () => {
    const remote = { remote_block_ids: [1], remote_engine_id: "e", remote_host: "h", remote_port: 1 };
    const rig = await startRig(["--kv-connector=nixl"], { prefill: json({ ...remote, more: 1 }) });
    const body = { ...CHAT, max_tokens: 50, stream: true, stream_options: { include_usage: true } };
    await rig.disaggregated({ body });
    expect(rig.prefill.last.json).toEqual({ ...CHAT, max_tokens: 50, stream: false, do_remote_decode: true });
    expect(rig.decode.last.json).toEqual({ ...body, do_remote_prefill: true, ...remote });
  });

  it("LMCache limits the prefill and forgets its answer", async () => {
    const rig = await startRig(["--kv-connector=lmcache"], { prefill: text("whatever") });
    await rig.disaggregated();
    expect(rig.prefill.last.json).toEqual({ ...CHAT, max_tokens: 1, max_completion_tokens: 1 });
    expect(rig.decode.last.json).toEqual(CHAT);
  });

  it("x-prefiller-url, the header's first name, is understood and shown to nobody", async () => {
    const rig = await startRig();
    await rig.ask({ headers: { "x-prefiller-url": `http://${rig.prefill.address}` } });
    expect(rig.prefill.seen).toHaveLength(1);
    expect(rig.decode.last.headers).not.toHaveProperty("x-prefiller-url");
  });
});
