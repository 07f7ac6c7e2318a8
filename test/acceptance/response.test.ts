import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { expectRoute, forwarded } from "./harness/expectations.ts";
import { BODY, inMode, type Message, md, plain, RB, RBEnd, RH, RHEnd, RT, served } from "./harness/notation.ts";
import { serveExchange } from "./harness/own-exchange.ts";
import { CFG_D, startPicker } from "./harness/picker.ts";
import { type Replay, replay } from "./harness/replay.ts";
import { EP, pod } from "./harness/test-pool.ts";

const cfgD = await startPicker({ ...CFG_D, parsers: ["openai-parser", "anthropic-parser"] });
const JSON_ANSWER = { ":status": "200", "content-type": "application/json" };
const STREAM_ANSWER = { ":status": "200", "content-type": "text/event-stream" };

/** The response as the client gets it. */
function received(replay: Replay) {
  const { headers, body, asked } = forwarded(replay, "response");
  return { headers, body: body.toString(), asked };
}

/** Pieces of the response body that were answered, in order, `!` behind the one that ends it. */
function pieces({ answers }: Replay): string[] {
  return answers.flatMap((answer) => {
    if (answer.kind !== "response_body" || answer.bodyMutation?.kind !== "streamed") return [];
    return [`${Buffer.from(answer.bodyMutation.body).toString()}${answer.bodyMutation.endOfStream ? "!" : ""}`];
  });
}

/** Sends a request and this answer to it; `model` and `rewrite` as the client asks. */
function exchange(response: readonly Message[], { model = "m", rewrite = "", stream = false } = {}): Promise<Replay> {
  cfgD.pool.set(EP(0, 0, 0));
  const body = stream ? BODY(model, "p").replace("}", ',"stream":true}') : BODY(model, "p");
  const request = plain(body, rewrite === "" ? {} : { "x-llm-d-model-name-rewrite": rewrite });
  return cfgD.replay([...request, ...response]);
}

function completions(): readonly Readonly<Record<string, unknown>>[] {
  return cfgD.pool.notesAt("afterResponse");
}

describe("answers", () => {
  it("Q01 passes an answer whose request it never saw, in any number of chunks", async () => {
    const joined = '{"max_tokens":100,"model":"sql-lora-sheddable","prompt":"test6","temperature":0}';
    const replay = await cfgD.replay([
      RH({ "content-type": "application/json" }),
      RB(joined.slice(0, 33)),
      RBEnd(joined.slice(33)),
    ]);
    const { headers, body, asked } = received(replay);
    expect(body).toBe(joined);
    expect(headers).toEqual([["content-type", "application/json"]]);
    expect([...asked.set, ...asked.removed]).toEqual([]);
  });

  it("Q03 passes an answer that ends in an empty chunk", async () => {
    const joined = '{"max_tokens":100,"model":"sql-lora-sheddable","prompt":"test6","temperature":0}';
    const replay = await cfgD.replay([RH({ "content-type": "application/json" }), RB(joined), RBEnd("")]);
    expect(received(replay).body).toBe(joined);
    expect(pieces(replay)).toEqual([joined, "!"]);
  });

  it("Q04 passes an event stream chunk by chunk and counts its tokens once", async () => {
    const usage = '{"usage":{"prompt_tokens":7,"total_tokens":17,"completion_tokens":10}}';
    const response = [RH(STREAM_ANSWER), RB("data: {}"), RB(`data: ${usage}\ndata: [DONE]`), RBEnd("")];
    const expected = ["data: {}", `data: ${usage}\ndata: [DONE]`, "!"];
    expect(pieces(await cfgD.replay(response))).toEqual(expected);

    const lines = [RH(STREAM_ANSWER), RB("data: {}\n"), RB(`data: ${usage}\ndata: [DONE]\n`), RBEnd("")];
    const replay = await exchange(lines, { model: "q04", stream: true });
    expect(pieces(replay)).toEqual(["data: {}\n", `data: ${usage}\ndata: [DONE]\n`, "!"]);
    expect(await cfgD.metric("request_input_tokens_sum", { model_name: "q04" })).toBe(7);
    expect(await cfgD.metric("request_input_tokens_count", { model_name: "q04" })).toBe(1);
  });

  it.each([
    ["Q09", false, true, true],
    ["Q10", false, false, true],
    ["Q11", false, true, false],
    ["Q12", false, false, false],
    ["Q13", true, true, true],
    ["Q14", true, false, true],
    ["Q15", false, true, false],
  ] as const)(
    "Q09-Q15 (%s) answers each part at once and completes once: stream asked %s, event stream %s, trailers %s",
    async (_, stream, sse, trailers) => {
      cfgD.pool.set(pod("pod1", "1.2.3.4:5678"));
      const live = cfgD.open();
      const body = '{"model":"food-review","prompt":"Is banana tasty?"}';
      live.send(...plain(stream ? body.replace("}", ',"stream":true}') : body, { "x-llm-d-model-name-rewrite": "v1" }));
      await live.answered(2);
      live.send(RH({ "x-test": "body", ":method": "POST", ...(sse ? { "content-type": "text/event-stream" } : {}) }));
      await live.answered(3);
      live.send(trailers ? RB("test response body") : RBEnd("test response body"));
      await live.answered(4);
      if (trailers) {
        live.send(RT({ "x-end": "1" }));
        await live.answered(5);
      }
      live.halfClose();
      const replay = { sent: live.sent, answers: live.answers, status: await live.ended };
      expect(replay.status.code).toBe(0);
      const { headers, body: got } = received(replay);
      expect(got).toBe("test response body");
      expect(headers.slice(0, 2)).toEqual([
        ["x-test", "body"],
        [":method", "POST"],
      ]);
      expect(completions()).toMatchObject([{ outcome: "ended" }]);
    },
  );

  it("Q16 closes the stream after the request when nothing of the answer is of interest", async () => {
    cfgD.pool.set(EP(0, 0, 0));
    const body = '{"model":"test","messages":[{"role":"user","content":"x"}]}';
    const live = cfgD.open();
    // Not with answers in full duplex: Envoy loses those that are on their way when the stream closes.
    live.send(...inMode("FULL_DUPLEX_STREAMED", plain(body, { ":path": "/v1/messages/count_tokens" })));
    const status = await live.ended;
    expect(status.code).toBe(0);
    const replay = { sent: live.sent, answers: live.answers, status };
    expect(live.answers.map(({ kind }) => kind)).toEqual(["request_headers", "request_body"]);
    expectRoute(replay, "192.168.1.1:8000", { body });
    expect(completions()).toHaveLength(1);
  });
});

describe("the model's name in answers", () => {
  it("Q18 becomes again what the client asked for, wherever it is a name and nowhere else", async () => {
    const names = { model: "gpt-4-proxy", rewrite: "vllm-backend-01" };
    const back = async (type: string, chunks: readonly string[], asked = names) => {
      const response = [RH({ ":status": "200", "content-type": type }), ...chunks.map(RB), RBEnd("")];
      return received(await exchange(response, asked)).body;
    };
    const json = "application/json";
    const sse = "text/event-stream";
    expect(await back(json, ['{"id":"1","model":"vllm-backend-01"}'])).toBe('{"id":"1","model":"gpt-4-proxy"}');
    expect(await back(json, ['{"model": "vllm-backend-01","a":1}'])).toBe('{"model": "gpt-4-proxy","a":1}');
    expect(await back(sse, ['data: {"model":"vllm-backend-01"}\n\n'])).toBe('data: {"model":"gpt-4-proxy"}\n\n');
    expect(await back(sse, ['data: {"mod', 'el":"vllm-back', 'end-01"}\n\n'])).toBe(
      'data: {"model":"gpt-4-proxy"}\n\n',
    );
    for (const untouched of [
      '{"id":"1"}',
      "data: [DONE]\n",
      '{"model":"another"}',
      '{"text":"\\"model\\":\\"vllm-backend-01\\""}',
    ]) {
      expect(await back(json, [untouched])).toBe(untouched);
    }
    const same = '{"model":"vllm-backend-01"}';
    expect(await back(json, [same], { model: "vllm-backend-01", rewrite: "vllm-backend-01" })).toBe(same);
    expect(await back(json, [same], { model: "gpt-4-proxy", rewrite: "" })).toBe(same);
    expect(await back(json, [same], { model: "", rewrite: "vllm-backend-01" })).toBe(same);
  });
});

describe("served endpoint and metadata", () => {
  it("Q25 attaches metadata to the last message of the response body, and to none without metadata", async () => {
    const cost = { "envoy.lb": { "x-gateway-inference-request-cost": 10 } };
    const { client } = await serveExchange({ endMetadata: () => cost });
    const response = [RH(STREAM_ANSWER), RB("data: 1\n"), RB("data: 2\n"), RBEnd("data: [DONE]\n")];
    const withCost = await replay(client, [...plain(BODY("m", "p")), ...response]);
    const carried = withCost.answers.filter(({ kind }) => kind.startsWith("response"));
    expect(carried.map((answer) => ("dynamicMetadata" in answer ? answer.dynamicMetadata : undefined))).toEqual([
      undefined,
      undefined,
      undefined,
      cost,
    ]);
    const without = (await exchange(response, { stream: true })).answers.slice(2);
    expect(without.every((answer) => !("dynamicMetadata" in answer))).toBe(true);
  });

  it("Q28 reports in conformance mode who served, and a failure when nobody did", async () => {
    const picker = await startPicker({ ...CFG_D, plugins: ["conformance-echo"] });
    picker.pool.set(
      pod("a", "10.0.0.1:3000"),
      pod("b", "10.0.0.2:3000", { metrics: { waiting: 9, kvUsage: 1, active: [] } }),
    );
    const answered = async (head: Message) => {
      const replay = await picker.replay([...plain(BODY("m", "p")), head, RBEnd("{}")]);
      return forwarded(replay, "response").headers;
    };
    const custom = { ...JSON_ANSWER, "x-custom-header": "custom-value" };
    const headers = await answered(md(RH(custom), served("10.0.0.2:3000")));
    expect(headers).toContainEqual(["x-conformance-test-served-endpoint", "10.0.0.2:3000"]);
    expect(headers).toContainEqual(["x-custom-header", "custom-value"]);
    const failed = await answered(RH({ ":status": "503" }));
    expect(failed).toContainEqual([
      "x-conformance-test-served-endpoint",
      "fail: missing destination endpoint served metadata",
    ]);
  });

  it("Q33 counts a reply of the proxy itself as an error that no endpoint made, and completes once", async () => {
    const before =
      (await cfgD.metric("request_error_total", { model_name: "q33", error_code: "ModelServerError" })) ?? 0;
    const replay = await exchange([RH({ ":status": "503" }), RBEnd("no healthy upstream")], { model: "q33" });
    expect(received(replay).body).toBe("no healthy upstream");
    expect(await cfgD.metric("request_error_total", { model_name: "q33", error_code: "ModelServerError" })).toBe(
      before + 1,
    );
    expect(completions()).toEqual([expect.objectContaining({ outcome: "unrouted", status: 503, served: undefined })]);
  });

  it("Q34 leaves repeated response headers alone", async () => {
    const cookies = [
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ] as const;
    const { headers, asked } = received(await exchange([RH([[":status", "200"], ...cookies]), RBEnd("{}")]));
    expect(headers.filter(([name]) => name === "set-cookie")).toEqual(cookies);
    expect([...asked.set.keys(), ...asked.removed]).toEqual([]);
  });

  it("Q36 passes compressed answers as they are; their usage is unknown and that is no error", async () => {
    const packed = gzipSync('{"model":"v1","usage":{"prompt_tokens":7,"completion_tokens":10,"total_tokens":17}}');
    const response = [
      RH({ ...JSON_ANSWER, "content-encoding": "gzip" }),
      RB(packed.subarray(0, 20)),
      RBEnd(packed.subarray(20)),
    ];
    const replay = await exchange(response, { model: "m", rewrite: "v1" });
    expect(forwarded(replay, "response").body.equals(packed)).toBe(true);
    expect(completions()).toEqual([expect.objectContaining({ outcome: "ended", usage: undefined })]);
  });

  it("Q37 answers headers that end the response, and completes without a body", async () => {
    const replay = await exchange([RHEnd({ ":status": "204" })]);
    expect(replay.answers.map(({ kind }) => kind)).toEqual(["request_headers", "request_body", "response_headers"]);
    expect(completions()).toMatchObject([{ outcome: "ended", status: 204, served: "192.168.1.1:8000" }]);
  });
});
