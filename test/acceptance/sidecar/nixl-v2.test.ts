import { describe, expect, it } from "vitest";
import { hang, inTurn, json, KV_PARAMS, prefillAnswer, sse, text } from "./harness/backend.ts";
import { CHAT, sample, startRig } from "./harness/rig.ts";

describe("NIXL v2 on the wire", () => {
  it("B1 asks the prefill server for one token and for blocks that somebody will fetch", async () => {
    const rig = await startRig();
    await rig.disaggregated({ body: { ...CHAT, max_tokens: 50, stream_options: { include_usage: true } } });
    const sent = rig.prefill.last.json;
    expect(sent["kv_transfer_params"]).toEqual({
      do_remote_decode: true,
      do_remote_prefill: false,
      remote_engine_id: null,
      remote_block_ids: null,
      remote_host: null,
      remote_port: null,
    });
    expect(sent).toMatchObject({ max_tokens: 1, stream: false });
    expect(sent).not.toHaveProperty("stream_options");
    expect(sent).not.toHaveProperty("do_remote_decode");
    expect(rig.decode.last.json["kv_transfer_params"]).toEqual(KV_PARAMS);
    expect(rig.prefill.last.headers["x-request-id"]).toBe(rig.decode.last.headers["x-request-id"]);
    expect(rig.prefill.last.path).toBe("/v1/chat/completions");
  });

  it("B3 limits the prefill where the client set no limits, and gives the decode server none", async () => {
    const rig = await startRig();
    await rig.disaggregated();
    expect(rig.prefill.last.json).toMatchObject({ max_tokens: 1, min_tokens: 1 });
    expect(rig.decode.last.json).not.toHaveProperty("max_tokens");
    expect(rig.decode.last.json).not.toHaveProperty("min_tokens");
  });

  it("B4 limits max_completion_tokens, sent or not, and restores it", async () => {
    const rig = await startRig();
    await rig.disaggregated({ body: { ...CHAT, max_completion_tokens: 100 } });
    expect(rig.prefill.last.json).toMatchObject({ max_completion_tokens: 1 });
    expect(rig.decode.last.json).toMatchObject({ max_completion_tokens: 100 });
    await rig.disaggregated();
    expect(rig.prefill.last.json).toMatchObject({ max_completion_tokens: 1 });
    expect(rig.decode.last.json).not.toHaveProperty("max_completion_tokens");
  });

  it("B6 does not stream the prefill, and restores the client's stream settings", async () => {
    const rig = await startRig();
    const stream = { stream: true, stream_options: { include_usage: true } };
    await rig.disaggregated({ body: { ...CHAT, ...stream } });
    expect(rig.prefill.last.json).toMatchObject({ stream: false });
    expect(rig.prefill.last.json).not.toHaveProperty("stream_options");
    expect(rig.decode.last.json).toMatchObject(stream);
  });

  const usage = (cached: number) => ({
    usage: { prompt_tokens: 50, prompt_tokens_details: { cached_tokens: cached } },
  });

  it("B7 tells the client the prefill server's number of cached tokens", async () => {
    const rig = await startRig([], { prefill: prefillAnswer(usage(7)), decode: json({ id: "d", ...usage(49) }) });
    expect((await rig.disaggregated()).json.usage).toEqual(usage(7).usage);
  });

  it("B9 tells the client 0 where the prefill server tells nothing or 0", async () => {
    const rig = await startRig([], { decode: json({ id: "d", ...usage(49) }) });
    expect((await rig.disaggregated()).json.usage.prompt_tokens_details.cached_tokens).toBe(0);
    rig.prefill.reply = prefillAnswer(usage(0));
    expect((await rig.disaggregated()).json.usage.prompt_tokens_details.cached_tokens).toBe(0);
  });

  it("B10 changes the usage of an event stream and nothing else", async () => {
    const content = { id: "d", choices: [{ delta: { content: "héllo" } }] };
    const decode = sse(content, { id: "d", choices: [], ...usage(49) }, "[DONE]");
    const rig = await startRig([], { prefill: prefillAnswer(usage(7)), decode });
    const answer = await rig.disaggregated({ body: { ...CHAT, stream: true } });
    expect(answer.events).toEqual([
      JSON.stringify(content),
      JSON.stringify({ id: "d", choices: [], ...usage(7) }),
      "[DONE]",
    ]);
    expect(answer.headers["content-type"]).toBe("text/event-stream");
  });

  it("B12 runs both legs of /v1/messages", async () => {
    const rig = await startRig();
    await rig.disaggregated({ path: "/v1/messages", body: { ...CHAT, max_tokens: 50 } });
    expect(rig.prefill.last).toMatchObject({ path: "/v1/messages", json: { max_tokens: 1 } });
    expect(rig.decode.last.json).toMatchObject({ max_tokens: 50 });
  });

  it("B13 limits max_output_tokens of /v1/responses, sent or not, and restores it", async () => {
    const rig = await startRig();
    const path = "/v1/responses";
    await rig.disaggregated({ path, body: { model: "m", input: "hi", max_output_tokens: 100 } });
    expect(rig.prefill.last.json).toMatchObject({ max_output_tokens: 1 });
    expect(rig.prefill.last.json).not.toHaveProperty("max_tokens");
    expect(rig.decode.last.json).toMatchObject({ max_output_tokens: 100 });
    await rig.disaggregated({ path, body: { model: "m", input: "hi" } });
    expect(rig.prefill.last.json).toMatchObject({ max_output_tokens: 1 });
    expect(rig.decode.last.json).not.toHaveProperty("max_output_tokens");
  });

  it("B15 asks no prefill server where none is named", async () => {
    const rig = await startRig();
    const paths = [
      "/v1/chat/completions",
      "/v1/completions",
      "/v1/messages",
      "/v1/responses",
      "/inference/v1/generate",
    ];
    for (const path of paths) await rig.ask({ path });
    expect(rig.prefill.seen).toHaveLength(0);
    expect(rig.decode.seen.map(({ path }) => path)).toEqual(paths);
  });

  it.each([502, 503, 504])("B16 tries the prefill server again after %i", async (status) => {
    const rig = await startRig(["--prefill-max-retries=2", "--prefill-retry-backoff=1ms"], {
      prefill: inTurn(text("no", status), prefillAnswer()),
    });
    expect((await rig.disaggregated()).status).toBe(200);
    expect(rig.prefill.seen).toHaveLength(2);
    expect(rig.decode.last.json["kv_transfer_params"]).toEqual(KV_PARAMS);
    expect(await sample(rig.sidecar, "llm_d_sidecar_prefill_retries_total")).toBe(1);
  });

  it("B18 passes the failure on when all attempts are used up, without fallback", async () => {
    const flags = ["--prefill-max-retries=2", "--prefill-retry-backoff=1ms", "--fallback-to-decode=false"];
    const rig = await startRig(flags, { prefill: text("no", 502) });
    expect(await rig.disaggregated()).toMatchObject({ status: 502, text: "no" });
    expect([rig.prefill.seen.length, rig.decode.seen.length]).toEqual([3, 0]);
  });

  it("B19 does not try again after 500, without fallback", async () => {
    const rig = await startRig(
      ["--prefill-max-retries=2", "--prefill-retry-backoff=1ms", "--fallback-to-decode=false"],
      {
        prefill: json({ error: "boom" }, 500),
      },
    );
    expect(await rig.disaggregated()).toMatchObject({ status: 500, text: '{"error":"boom"}' });
    expect([rig.prefill.seen.length, rig.decode.seen.length]).toEqual([1, 0]);
  });

  it("B21 answers 400 when the prefill server's answer is no JSON", async () => {
    for (const garbage of ["not json", '{"kv_transfer_params":', "[]", ""]) {
      const rig = await startRig([], { prefill: text(garbage) });
      expect((await rig.disaggregated()).status, garbage).toBe(400);
      expect(rig.decode.seen).toHaveLength(0);
    }
  });

  it("B22 keeps integers above 2^53, unknown members and the order of members on both legs", async () => {
    const params = '{"remote_block_ids":[9007199254740993],"do_remote_prefill":true}';
    const rig = await startRig([], {
      prefill: (response) => response.end(`{"id":"p","kv_transfer_params":${params}}`),
    });
    const body = '{"zz":1.50,"model":"m","seed":9007199254740993,"messages":[],"a":{"n":18446744073709551615}}';
    await rig.disaggregated({ body });
    expect(rig.prefill.last.text).toContain(
      '{"zz":1.50,"model":"m","seed":9007199254740993,"messages":[],"a":{"n":18446744073709551615}',
    );
    expect(rig.decode.last.text).toBe(body.replace(/\}$/, `,"kv_transfer_params":${params}}`));
  });

  it("B24 lets the decode server do both phases when the prefill server answers 503 or cannot be reached", async () => {
    const rig = await startRig(["--fallback-to-decode"], { prefill: text("no", 503) });
    const body = '{"model":"m", "messages":[]}';
    expect((await rig.disaggregated({ body })).status).toBe(200);
    expect(rig.decode.last.text).toBe(body);
    expect((await rig.disaggregated({ body, headers: { "x-prefiller-host-port": "127.0.0.1:1" } })).status).toBe(200);
    expect(rig.decode.last.text).toBe(body);
    expect(await sample(rig.sidecar, "llm_d_sidecar_prefill_fallback_total")).toBe(2);
  });

  it("B25 gives up a prefill server that hangs: 504, or the decode server alone", async () => {
    const flags = ["--prefill-timeout", "100ms"];
    const strict = await startRig([...flags, "--fallback-to-decode=false"], { prefill: hang });
    expect((await strict.disaggregated()).status).toBe(504);
    expect(strict.decode.seen).toHaveLength(0);
    const lenient = await startRig(flags, { prefill: hang });
    expect((await lenient.disaggregated()).status).toBe(200);
    expect(lenient.decode.last.json).toEqual(CHAT);
  });
});
