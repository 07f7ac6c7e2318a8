import { createHeaderList } from "@pointsman/ext-proc";
import { describe, expect, it } from "vitest";
import { expectRoute, forwarded } from "./harness/expectations.ts";
import { type HandWrittenHeader, handWrittenHeaders } from "./harness/hand-written-headers.ts";
import { B, BEnd, BODY, H, HEnd, inMode, LLM, type Message, md, plain, subset, T } from "./harness/notation.ts";
import { CFG_D, CFG_Q, startPicker } from "./harness/picker.ts";
import { EP, pod } from "./harness/test-pool.ts";
import { startTracedPicker } from "./harness/traced-picker.ts";

const cfgD = await startPicker(CFG_D);
const opaque = await startPicker({ ...CFG_Q, parsers: ["passthrough-parser"] });

/** Asks with headers as a client may spell them, and says which model the server is asked for. */
async function targetOf(headers: Parameters<typeof handWrittenHeaders>[0]): Promise<string> {
  cfgD.pool.set(EP(0, 0, 0));
  const { body } = forwarded(await cfgD.replay([handWrittenHeaders(headers), BEnd(BODY("asked", "p"))]));
  return (JSON.parse(body.toString()) as { model: string }).model;
}

/** In full duplex everything at once; in the other modes each message after the answer to the one before. */
function replayAsEnvoy(messages: readonly Message[]) {
  return messages[0]!.protocolConfig === undefined ? cfgD.replay(messages) : cfgD.replayInTurn(messages);
}

/** What the pipeline made of a request with these headers. */
async function noteOf(headers: Record<string, string>): Promise<Readonly<Record<string, unknown>>> {
  cfgD.pool.set(EP(0, 0, 0));
  forwarded(await cfgD.replay(plain(BODY("m", "p"), headers)));
  return { ...cfgD.pool.notesAt("preCall")[0], ...cfgD.pool.notesAt("afterResponse")[0] };
}

const exactly = (name: string, model: string, target: string): object => ({
  name,
  models: [model],
  targets: [{ model: target }],
});
const ruled = await startPicker({
  ...CFG_D,
  plugins: [
    {
      type: "model-rewrite",
      parameters: {
        rules: [
          exactly("test-rewrite", "model-to-be-rewritten", "rewritten-model"),
          exactly("tuning", "model-b", "model-b-tuned"),
          exactly("older", "model-a", "older-target"),
          exactly("younger", "model-a", "younger-target"),
          {
            models: ["split"],
            targets: [
              { model: "seventy", weight: 70 },
              { model: "thirty", weight: 30 },
            ],
          },
        ],
      },
    },
  ],
});

describe("model rewriting", () => {
  it("M01 asks the server for the model that a rule names, and counts it under both names", async () => {
    ruled.pool.set(EP(0, 0, 0.1, "foo", "rewritten-model"));
    const replay = await ruled.replay(LLM("test-rewrite", "model-to-be-rewritten", "model-to-be-rewritten"));
    const body = BODY("rewritten-model", "test-rewrite");
    const { asked } = expectRoute(replay, "192.168.1.1:8000", { body });
    expect(asked.set.get("content-length")).toBe("84");
    const labels = { model_name: "model-to-be-rewritten", target_model_name: "rewritten-model", priority: "0" };
    expect(await ruled.metric("request_total", labels)).toBe(1);
    const rewrite = { model_rewrite_name: "test-rewrite", target_model: "rewritten-model" };
    expect(await ruled.metric("model_rewrite_decisions_total", rewrite)).toBe(1);
  });

  it("M04 follows the rule for the model, the older of two, by weights; without a rule the header", async () => {
    ruled.pool.set(EP(0, 0, 0.1));
    const target = async (model: string, headers = {}): Promise<string> =>
      JSON.parse(forwarded(await ruled.replay(plain(BODY(model, "p"), headers))).body.toString()).model;
    expect(await target("model-c")).toBe("model-c");
    expect(await target("model-b")).toBe("model-b-tuned");
    expect(await target("model-a")).toBe("older-target");
    expect(["seventy", "thirty"]).toContain(await target("split"));
    const header = { "x-llm-d-model-name-rewrite": "asked" };
    expect([await target("model-c", header), await target("model-b", header)]).toEqual(["asked", "model-b-tuned"]);
  });

  it("M03 asks the server for the model that the rewrite header names, also when the body names none", async () => {
    cfgD.pool.set(EP(0, 0, 0.1));
    const rewrite = { "x-llm-d-model-name-rewrite": "resolved-target-model-A" };
    const named = await cfgD.replay(plain(BODY("m", "p"), rewrite));
    expectRoute(named, "192.168.1.1:8000", { body: BODY("resolved-target-model-A", "p") });
    const unnamed = forwarded(await cfgD.replay(plain('{"prompt":"p"}', rewrite)));
    expect(JSON.parse(unnamed.body.toString())).toEqual({ model: "resolved-target-model-A", prompt: "p" });
    expect(unnamed.asked.set.get("content-length")).toBe(String(unnamed.body.length));
  });

  it("M06 sends the body field that a hook sets", async () => {
    const hook = { type: "acceptance-hook", parameters: { field: "new_key", value: "new_value" } };
    const picker = await startPicker({ ...CFG_Q, plugins: [hook] });
    picker.pool.set(EP(0, 0, 0));
    const body = '{"max_tokens":100,"model":"m","prompt":"p","temperature":0,"new_key":"new_value"}';
    expectRoute(await picker.replay(plain(BODY("m", "p"))), "192.168.1.1:8000", { body });
  });

  it("M07 rewrites, routes and announces the length, by the metadata that came last", async () => {
    cfgD.pool.set(
      pod("other", "1.2.3.5:5678"),
      pod("pod1", "1.2.3.4:5678", { metrics: { waiting: 50, kvUsage: 1, active: [] } }),
    );
    const headers = {
      "x-test": "body",
      ":method": "POST",
      "x-llm-d-inference-fairness-id": "fair",
      "x-llm-d-model-name-rewrite": "v1",
      "x-request-id": "test-request-id",
    };
    const replay = await cfgD.replay([
      md(H(headers), subset(["1.2.3.5:5678"])),
      md(BEnd('{"model":"food-review","prompt":"Is banana tasty?"}'), subset(["1.2.3.4:5678"])),
    ]);
    const { asked } = expectRoute(replay, "1.2.3.4:5678", { body: '{"model":"v1","prompt":"Is banana tasty?"}' });
    expect(asked.set.get("content-length")).toBe("42");
    expect(cfgD.pool.notesAt("preCall")).toMatchObject([{ tenant: "fair", model: "food-review", targetModel: "v1" }]);
  });

  it("M08 does the same for a request that asks for a stream", async () => {
    cfgD.pool.set(pod("pod1", "1.2.3.4:5678"));
    const body = '{"model":"food-review","prompt":"Is banana tasty?","stream":true}';
    const replay = await cfgD.replay(plain(body, { "x-test": "body", "x-llm-d-model-name-rewrite": "v1" }));
    const { asked } = expectRoute(replay, "1.2.3.4:5678", { body: body.replace("food-review", "v1") });
    expect(asked.set.get("content-length")).toBe("56");
    expect(cfgD.pool.notesAt("preCall")).toMatchObject([{ stream: true }]);
  });
});

describe("request headers", () => {
  it("M09 removes what only the picker may say and keeps the rest", async () => {
    cfgD.pool.set(pod("pod1", "1.2.3.4:8080"));
    const body = BODY("m", "p".repeat(123 - BODY("m", "").length));
    expect(body).toHaveLength(123);
    const replay = await cfgD.replay(
      plain(body, {
        "x-user-data": "important",
        "x-llm-d-inference-objective": "obj",
        "x-gateway-inference-objective": "obj",
        "x-gateway-destination-endpoint": "1.1.1.1:666",
        "x-prefiller-host-port": "1.1.1.1:667",
        "x-encoder-hosts-ports": "1.1.1.1:668",
        "content-length": "99999",
      }),
    );
    const { headers, asked } = expectRoute(replay, "1.2.3.4:8080", { body });
    expect(headers).toContainEqual(["x-user-data", "important"]);
    expect(asked.set.get("content-length")).toBe("123");
  });

  it("M10 compares names in lower case, takes raw values first, and current names before their aliases", async () => {
    const rewrite = "x-llm-d-model-name-rewrite";
    expect(await targetOf([{ key: "X-LLM-D-Model-Name-Rewrite", rawValue: "upper" }])).toBe("upper");
    expect(await targetOf([{ key: rewrite, value: "plain", rawValue: "raw" }])).toBe("raw");
    const aliased = [
      { key: "x-gateway-model-name-rewrite", rawValue: "old" },
      { key: rewrite, rawValue: "new" },
    ];
    expect(await targetOf(aliased)).toBe("new");
    expect(await targetOf([...aliased].reverse())).toBe("new");
    expect(await targetOf(aliased.slice(0, 1))).toBe("old");
    const both = { "x-gateway-inference-objective": "sheddable", "x-llm-d-inference-objective": "my-model" };
    expect((await noteOf(both))["priority"]).toBe(2);
  });

  it("M12 continues the trace of the caller, however its header is spelled, and begins one where there is none", async () => {
    const { picker, receiver } = await startTracedPicker(CFG_Q);
    picker.pool.set(EP(0, 0, 0));
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const value = `00-${traceId}-b7ad6b7169203331-01`;
    const upstreamOf = async (header: readonly HandWrittenHeader[]): Promise<string> => {
      const { headers } = forwarded(await picker.replay([handWrittenHeaders(header), BEnd(BODY("m", "p"))]));
      return new Map(headers).get("traceparent")!;
    };
    const spellings: HandWrittenHeader[] = [
      { key: "traceparent", rawValue: value },
      { key: "traceparent", value },
      { key: "Traceparent", rawValue: value },
      { key: "TRACEPARENT", value },
    ];
    for (const header of spellings) {
      const [, trace, span] = (await upstreamOf([header])).split("-");
      expect(trace).toBe(traceId);
      const own = await receiver.trace("gateway.request", ({ spanId }) => spanId === span);
      expect(own.find(({ spanId }) => spanId === span)?.parentSpanId).toBe("b7ad6b7169203331");
    }
    const [, fresh, root] = (await upstreamOf([])).split("-");
    expect(fresh).not.toBe(traceId);
    const own = await receiver.trace("gateway.request", ({ spanId }) => spanId === root);
    expect(own.find(({ spanId }) => spanId === root)).toMatchObject({ traceId: fresh, parentSpanId: "" });
  });

  it("M13 finds a header by its exact name, in any case, not at all, and by its plain value", async () => {
    const rewrite = "x-llm-d-model-name-rewrite";
    expect(await targetOf([{ key: rewrite, rawValue: "exact" }])).toBe("exact");
    expect(await targetOf([{ key: rewrite.toUpperCase(), rawValue: "any-case" }])).toBe("any-case");
    expect(await targetOf([{ key: `${rewrite}-not`, rawValue: "other" }])).toBe("asked");
    expect(await targetOf([{ key: rewrite, value: "value" }])).toBe("value");
    expect(await targetOf([{ key: rewrite, value: "value", rawValue: "" }])).toBe("value");
  });

  it("M15 leaves repeated headers alone", async () => {
    cfgD.pool.set(EP(0, 0, 0));
    const repeated = [
      ["x-forwarded-for", "1.1.1.1"],
      ["x-forwarded-for", "2.2.2.2"],
      ["cookie", "session=abc"],
      ["cookie", "user=xyz"],
    ] as const;
    const body = BODY("m", "p");
    const { asked, headers } = expectRoute(await cfgD.replay([H(repeated), BEnd(body)]), "192.168.1.1:8000", { body });
    expect(headers.slice(0, 4)).toEqual(repeated);
    expect([...asked.set.keys(), ...asked.removed]).not.toContain("x-forwarded-for");
    expect(createHeaderList(repeated).getAll("x-forwarded-for")).toEqual(["1.1.1.1", "2.2.2.2"]);
  });

  it("M16 changes the model's name and no other byte", async () => {
    cfgD.pool.set(EP(0, 0, 0));
    const body = '{ "model" : "a","seed":9007199254740993,"temperature":1.0,\n"prompt":"\\u00e4 ü","x":1e400}';
    const replay = await cfgD.replay(plain(body, { "x-llm-d-model-name-rewrite": "bb" }));
    expectRoute(replay, "192.168.1.1:8000", { body: body.replace('"a"', '"bb"') });
  });

  it("M18 names one destination in header and metadata, in every body mode", async () => {
    cfgD.pool.set(EP(0, 0, 0), EP(1, 0, 0));
    const request = plain(BODY("m", "p"));
    const streams: Message[][] = [
      request,
      [HEnd({ ":method": "GET" })],
      inMode("NONE", [request[0]!]),
      inMode("BUFFERED", request),
      inMode("BUFFERED_PARTIAL", request),
      inMode("STREAMED", request),
      [request[0]!, B(BODY("m", "p")), T({ "x-t": "1" })],
    ];
    for (const stream of streams) {
      const { headers, metadata } = forwarded(await replayAsEnvoy(stream));
      const named = new Map(headers).get("x-gateway-destination-endpoint");
      expect(named).toMatch(/^192\.168\.1\.[12]:8000$/);
      expect(metadata).toEqual({ "envoy.lb": { "x-gateway-destination-endpoint": named } });
    }
  });

  it("M19 sends bodies in messages of at most 62000 bytes, of which the last ends the body, if anything does", async () => {
    opaque.pool.set(EP(0, 0, 0));
    for (const [size, count] of [
      [0, 1],
      [61_000, 1],
      [62_000, 1],
      [62_001, 2],
      [63_000, 2],
      [125_000, 3],
    ] as const) {
      const body = Buffer.alloc(size, "x");
      const replay = await opaque.replay(plain(body));
      expectRoute(replay, "192.168.1.1:8000", { body });
      expect(replay.answers.filter(({ kind }) => kind === "request_body")).toHaveLength(count);
    }
    const untilTrailers = await opaque.replay([H({}), B(Buffer.alloc(125_000, "x")), T({ "x-t": "1" })]);
    expect(forwarded(untilTrailers).body).toHaveLength(125_000);
    expect(untilTrailers.answers.map(({ kind }) => kind)).toEqual([
      "request_headers",
      ...Array.from({ length: 3 }, () => "request_body"),
      "request_trailers",
    ]);
  });

  it("M21 takes the fairness id from its header, else from the agent, else a common one", async () => {
    expect((await noteOf({ "x-llm-d-inference-fairness-id": "user-123" }))["tenant"]).toBe("user-123");
    expect((await noteOf({ "x-gateway-inference-fairness-id": "user-old" }))["tenant"]).toBe("user-old");
    expect((await noteOf({}))["tenant"]).toBe("default-flow");
    expect((await noteOf({ "x-claude-code-session-id": "session-abc" }))["tenant"]).toBe("session-abc");
    const both = { "x-claude-code-session-id": "session-abc", "x-llm-d-inference-fairness-id": "user-123" };
    expect((await noteOf(both))["tenant"]).toBe("user-123");
  });

  it("M22 knows agents by four headers, in this order", async () => {
    const names = ["x-claude-code-session-id", "x-session-affinity", "session-id", "session_id"];
    for (const name of names) expect((await noteOf({ [name]: name }))["tenant"]).toBe(name);
    for (let first = 0; first < names.length; first += 1) {
      const headers = Object.fromEntries(
        names
          .slice(first)
          .reverse()
          .map((name) => [name, name]),
      );
      expect((await noteOf(headers))["tenant"]).toBe(names[first]);
    }
    expect((await noteOf({ "x-session": "s", "session-id": "" }))["tenant"]).toBe("default-flow");
  });
});
