import { describe, expect, it } from "vitest";
import { destinationOf, expectReject, expectRoute, forwarded } from "./harness/expectations.ts";
import { B, BEnd, BODY, H, plain, RBEnd, RH } from "./harness/notation.ts";
import { CFG_D, CFG_Q, startPicker } from "./harness/picker.ts";
import { EP } from "./harness/test-pool.ts";

const cfgD = await startPicker(CFG_D);
const NO_CANDIDATES =
  "inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request";

describe("rejections", () => {
  it("E01 refuses a body that is no JSON", async () => {
    cfgD.pool.set(EP(0, 0, 0.2));
    const replay = await cfgD.replay([H({ hi: "mom" }), BEnd("no healthy upstream")]);
    expectReject(replay, 400, /^inference error: BadRequest - the request body is not valid JSON: /);
  });

  it("E02 misses the model before it misses endpoints", async () => {
    cfgD.pool.set();
    const replay = await cfgD.replay([H({ "content-type": "application/json" }), BEnd('{"prompt":"hello world"}')]);
    expectReject(replay, 400, "inference error: BadRequest - model not found in request body");
  });

  it("E03 lets a rule for every request name the model of one that names none", async () => {
    const rules = [{ targets: [{ model: "generic-target-model" }] }];
    const picker = await startPicker({ ...CFG_Q, plugins: [{ type: "model-rewrite", parameters: { rules } }] });
    picker.pool.set(EP(0, 0, 0.2));
    const { body } = forwarded(await picker.replay(plain('{"prompt":"p"}')));
    expect(JSON.parse(body.toString())).toEqual({ model: "generic-target-model", prompt: "p" });
  });

  it("E04 refuses a completion without a prompt and a chat without messages", async () => {
    cfgD.pool.set(EP(0, 0, 0.2));
    expectReject(await cfgD.replay(plain('{"model":"m"}')), 400, /^inference error: BadRequest - prompt /);
    const chat = plain('{"model":"m","messages":[]}', { ":path": "/v1/chat/completions" });
    expectReject(await cfgD.replay(chat), 400, /^inference error: BadRequest - messages /);
    const asCompletion = plain('{"model":"m","messages":[]}');
    expectReject(await cfgD.replay(asCompletion), 400, /^inference error: BadRequest - prompt /);
  });

  it("E06 answers 503, not 429, when scheduling finds nobody: by filters, or by a filter that fails and must not pass", async () => {
    const failing = { type: "acceptance-filter", parameters: { header: "x-fail" }, onError: "reject" };
    const picker = await startPicker({ ...CFG_Q, profile: [failing, ...CFG_Q.profile] });
    picker.pool.set(EP(0, 0, 0.2));
    expect(destinationOf(await picker.replay(plain(BODY("m", "p"))))).toBe("192.168.1.1:8000");
    const failed = await picker.replay(plain(BODY("m", "p"), { "x-fail": "yes" }));
    expectReject(
      failed,
      503,
      /^inference error: ServiceUnavailable - no endpoint is eligible/,
      "rejected-no-endpoints",
    );

    const prefillOnly = await startPicker({ ...CFG_Q, profile: ["prefill-filter", ...CFG_Q.profile] });
    prefillOnly.pool.set(EP(0, 0, 0.2));
    const filtered = await prefillOnly.replay(plain(BODY("m", "p")));
    expectReject(
      filtered,
      503,
      /no endpoint is eligible for the request \(filter prefill-filter\)$/,
      "rejected-no-endpoints",
    );
  });

  it("E07 answers 429 with its reason when endpoints are able but too busy", async () => {
    const full = { type: "concurrency-detector", parameters: { maxConcurrency: 1 } };
    const picker = await startPicker({ ...CFG_Q, profile: [full, ...CFG_Q.profile] });
    picker.pool.set(EP(0, 0, 0.2));
    const first = picker.open();
    first.send(...plain(BODY("m", "p"), { "x-request-id": "first" }));
    await first.answered(2);
    const second = await picker.replay(plain(BODY("m", "p"), { "x-request-id": "second" }));
    expectReject(second, 429, /^inference error: ResourceExhausted - every endpoint is too busy/, "rejected-saturated");
    first.halfClose();
    await first.ended;
    expect(destinationOf(await picker.replay(plain(BODY("m", "p"))))).toBe("192.168.1.1:8000");
  });

  it("E09 passes on what an admission plugin refuses: status, reason and time to wait", async () => {
    const refusal = {
      status: 429,
      code: "ResourceExhausted",
      message: "over budget",
      reason: "rejected-saturated",
      retryAfterMs: 6_500,
    };
    const budget = { type: "acceptance-admitter", parameters: { header: "x-budget", refusal } };
    const picker = await startPicker({ ...CFG_Q, plugins: [budget] });
    picker.pool.set(EP(0, 0, 0.2));
    const refused = await picker.replay(plain(BODY("m", "p"), { "x-budget": "spent" }));
    const { headers } = expectReject(
      refused,
      429,
      "inference error: ResourceExhausted - over budget",
      "rejected-saturated",
    );
    expect(headers.get("retry-after")).toBe("7");
    expect(destinationOf(await picker.replay(plain(BODY("m", "p"))))).toBe("192.168.1.1:8000");
  });

  it("E10 answers with the admitter's own status; one that fails admits, unless it is told to refuse", async () => {
    const refusal = { status: 403, code: "Forbidden", message: "request cannot be admitted" };
    const gate = (name: string, more: object = {}) => ({ type: "acceptance-admitter", name, ...more });
    const picker = await startPicker({
      ...CFG_Q,
      plugins: [
        gate("denies", { parameters: { header: "x-deny", refusal } }),
        gate("fails", { parameters: { header: "x-fail" } }),
        gate("fails-closed", { parameters: { header: "x-fail-closed" }, onError: "refuse" }),
      ],
    });
    picker.pool.set(EP(0, 0, 0.2));
    const ask = (header: string) => picker.replay(plain(BODY("m", "p"), { [header]: "yes" }));
    expectReject(await ask("x-deny"), 403, "inference error: Forbidden - request cannot be admitted");
    expect(destinationOf(await ask("x-fail"))).toBe("192.168.1.1:8000");
    expectReject(await ask("x-fail-closed"), 503, /^inference error: ServiceUnavailable - /);
  });

  it("E12 runs all hooks in the order of the config although the first fails, and routes the request", async () => {
    const hook = (name: string, fails: boolean) => ({ type: "acceptance-hook", name, parameters: { fails } });
    const picker = await startPicker({
      ...CFG_Q,
      plugins: [hook("one", true), hook("two", false), hook("three", true), hook("four", false)],
    });
    picker.pool.set(EP(0, 0, 0.2));
    const body = BODY("m", "p");
    expectRoute(await picker.replay(plain(body)), "192.168.1.1:8000", { body });
    expect(picker.pool.notesAt("postChoice").map(({ hook: name }) => name)).toEqual(["one", "two", "three", "four"]);
  });

  it("E15 turns what goes with an error into headers of the answer, and adds none besides", async () => {
    cfgD.pool.set();
    const unavailable = expectReject(
      await cfgD.replay(plain(BODY("m", "p"))),
      503,
      NO_CANDIDATES,
      "rejected-no-endpoints",
    );
    expect([...unavailable.headers.keys()].sort()).toEqual([
      "content-type",
      "retry-after",
      "x-llm-d-request-dropped-reason",
    ]);
    const bad = expectReject(await cfgD.replay(plain("{}")), 400, /BadRequest/);
    expect([...bad.headers]).toEqual([["content-type", "application/json"]]);
  });

  it("E16 takes a message of 5 MiB by default, and fails the call above the limit of messages", async () => {
    const prompt = "x".repeat(5 * 1_048_576);
    cfgD.pool.set(EP(0, 0, 0.2));
    expectRoute(await cfgD.replay(plain(BODY("m", prompt))), "192.168.1.1:8000", { body: BODY("m", prompt) });
    const small = await startPicker(CFG_Q, { maxReceiveMessageBytes: 4 * 1_048_576, maxBodyBytes: 1_048_576 });
    small.pool.set(EP(0, 0, 0.2));
    const { status, answers } = await small.replay(plain(BODY("m", prompt)));
    expect(status.code).toBe(8);
    expect(answers).toEqual([]);
  });

  it("E18 says nothing more after a rejection, and ends with OK, whatever the client still sends", async () => {
    cfgD.pool.set(EP(0, 0, 0.2));
    const replay = await cfgD.replay([
      H({ hi: "mom" }),
      BEnd("no JSON"),
      BEnd(BODY("m", "p")),
      RH({ ":status": "200" }),
      RBEnd("too late"),
    ]);
    expect(replay.answers.map(({ kind }) => kind)).toEqual(["immediate_response"]);
    expectReject(replay, 400, /BadRequest/);
  });

  it("E19 answers 413 as soon as the body is larger than the limit", async () => {
    const picker = await startPicker(CFG_Q, { maxBodyBytes: 1_048_576 });
    picker.pool.set(EP(0, 0, 0.2));
    const stream = picker.open();
    const half = "x".repeat(524_288);
    stream.send(H({ ":path": "/v1/completions" }), B(half), B(half));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(stream.answers).toEqual([]);
    stream.send(B(half));
    const status = await stream.ended;
    const replay = { sent: stream.sent, answers: stream.answers, status };
    expectReject(replay, 413, "inference error: RequestTooLarge - the request body is larger than 1048576 bytes");
  });
});
