import { request as httpRequest } from "node:http";
import { describe, expect, it } from "vitest";
import { json, prefillAnswer, type Reply, startBackend, text } from "./harness/backend.ts";
import { ask, CHAT, type Rig, sample, startRig, until } from "./harness/rig.ts";

/** A decode server whose answers wait for the test. */
function heldAnswers(): { reply: Reply; order: string[]; finish(): void; running(): number } {
  const open: (() => void)[] = [];
  const order: string[] = [];
  return {
    order,
    reply: (response, seen) => {
      order.push(String(seen.headers["x-name"]));
      open.push(() => response.end("{}"));
    },
    finish: () => open.shift()?.(),
    running: () => open.length,
  };
}

const named = (name: string, more: Record<string, string> = {}) => ({ headers: { "x-name": name, ...more } });

async function waitingAre(rig: Rig, count: number): Promise<void> {
  await until(() => rig.sidecar.levels().waiting === count);
}

describe("the queue", () => {
  it("runs so many generations at a time, in the order of arrival", async () => {
    const held = heldAnswers();
    const rig = await startRig(["--max-concurrent-decodes=2"], { decode: held.reply });
    const answers: Promise<{ status: number }>[] = [];
    for (const [i, name] of ["a", "b", "c", "d"].entries()) {
      answers.push(rig.ask(named(name)));
      await (i < 2 ? until(() => held.running() === i + 1) : waitingAre(rig, i - 1));
    }
    expect(held.order).toEqual(["a", "b"]);
    for (let i = 0; i < 4; i++) {
      held.finish();
      // Two that are let in at the same moment may reach the model server in either order.
      await until(() => held.order.length === Math.min(4, i + 3));
    }
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(held.order).toEqual(["a", "b", "c", "d"]);
    expect(await sample(rig.sidecar, "llm_d_sidecar_queue_wait_seconds_count")).toBe(2);
  });

  it("lets higher priorities go first, and tenants of one priority in turn", async () => {
    const held = heldAnswers();
    const rig = await startRig(["--max-concurrent-decodes=1"], { decode: held.reply });
    const tenant = (id: string) => ({ "x-llm-d-inference-fairness-id": id });
    const calls: [string, Record<string, string>][] = [
      ["first", {}],
      ["greedy-1", tenant("greedy")],
      ["greedy-2", tenant("greedy")],
      ["greedy-3", tenant("greedy")],
      ["modest-1", tenant("modest")],
      ["urgent", { "x-llm-d-request-priority": "5" }],
      ["idle", { "x-llm-d-request-priority": "-1" }],
    ];
    const answers: Promise<unknown>[] = [];
    for (const [i, [name, headers]] of calls.entries()) {
      answers.push(rig.ask(named(name, headers)));
      await (i === 0 ? until(() => held.running() === 1) : waitingAre(rig, i));
    }
    for (let i = 0; i < calls.length; i++) {
      await until(() => held.running() > 0);
      held.finish();
    }
    await Promise.all(answers);
    expect(held.order).toEqual(["first", "urgent", "greedy-1", "modest-1", "greedy-2", "greedy-3", "idle"]);
  });

  it("answers 429 with Retry-After when it is full, 503 when a request has waited too long", async () => {
    const held = heldAnswers();
    const flags = ["--max-concurrent-decodes=1", "--max-queue=1", "--queue-timeout=100ms"];
    const rig = await startRig(flags, { decode: held.reply });
    const first = rig.ask(named("first"));
    await until(() => held.running() === 1);
    const second = rig.disaggregated(named("second"));
    await waitingAre(rig, 1);
    const third = await rig.ask(named("third"));
    expect([third.status, third.headers["retry-after"]]).toEqual([429, "1"]);
    const late = await second;
    expect([late.status, late.headers["retry-after"], late.json.type]).toEqual([503, "1", "ServiceUnavailable"]);
    expect(rig.prefill.seen).toHaveLength(0);
    held.finish();
    expect((await first).status).toBe(200);
    expect(await sample(rig.sidecar, "llm_d_sidecar_queue_rejections_total")).toBe(2);
    expect(rig.sidecar.levels()).toMatchObject({ waiting: 0, bufferedBytes: 0 });
  });

  it("begins a prefill only when a decode slot is free, and frees the prefill slot when the prefill ends", async () => {
    const held = heldAnswers();
    const prefills = heldAnswers();
    const rig = await startRig(["--max-concurrent-decodes=2", "--max-concurrent-prefills=1"], {
      decode: held.reply,
      prefill: prefills.reply,
    });
    const answers = [rig.disaggregated(named("a")), rig.disaggregated(named("b"))];
    await until(() => prefills.running() === 1 && rig.sidecar.levels().waiting === 1);
    // A request without a prefill leg does not have to wait for one.
    const plain = rig.ask(named("plain"));
    await until(() => held.order.includes("plain"));
    held.finish();
    await plain;
    prefills.finish();
    await until(() => prefills.running() === 1 && held.running() === 1);
    expect(rig.sidecar.levels()).toMatchObject({ decodes: 2, prefills: 1, waiting: 0 });
    prefills.finish();
    await until(() => held.running() === 2);
    held.finish();
    held.finish();
    await Promise.all(answers);
    await until(() => rig.sidecar.levels().decodes === 0 && rig.sidecar.levels().prefills === 0);
  });
});

describe("memory", () => {
  it("answers 413 above the largest body, announced or not", async () => {
    const rig = await startRig(["--max-body-bytes=1000"]);
    const body = { ...CHAT, user: "x".repeat(2_000) };
    const answer = await rig.disaggregated({ body });
    expect([answer.status, answer.json.code]).toEqual([413, 413]);
    const status = await new Promise((resolve) => {
      const outgoing = httpRequest({
        ...{ host: "127.0.0.1", port: rig.sidecar.port, method: "POST", path: "/v1/completions" },
        headers: { "x-prefiller-host-port": rig.prefill.address, "transfer-encoding": "chunked" },
      });
      outgoing.on("response", (response) => resolve(response.resume().statusCode));
      outgoing.end(JSON.stringify(body));
    });
    expect(status).toBe(413);
    // What passes untouched is not held, and may be of any size.
    expect((await rig.ask({ body })).status).toBe(200);
    expect(rig.prefill.seen).toHaveLength(0);
    expect(rig.sidecar.levels().bufferedBytes).toBe(0);
  });

  it("answers 503 when the budget is used up, and gives everything back", async () => {
    const held = heldAnswers();
    const rig = await startRig(["--buffer-budget-bytes=8000"], { decode: held.reply });
    const body = { ...CHAT, user: "x".repeat(1_500) };
    const first = rig.disaggregated({ body });
    await until(() => held.running() === 1);
    expect(rig.sidecar.levels().bufferedBytes).toBeGreaterThan(3 * 1_500);
    const second = await rig.disaggregated({ body });
    expect([second.status, second.headers["retry-after"]]).toEqual([503, "1"]);
    held.finish();
    expect((await first).status).toBe(200);
    await until(() => rig.sidecar.levels().bufferedBytes === 0);
    const third = rig.disaggregated({ body });
    await until(() => held.running() === 1);
    held.finish();
    expect((await third).status).toBe(200);
  });

  it("holds requests back while the model server's KV cache is above its mark, until it is below the lower one", async () => {
    let usage = 0.97;
    const rig = await startRig(["--kv-high-water-percent=95", "--kv-low-water-percent=80", "--kv-poll-interval=10ms"], {
      decode: (response, seen, index) =>
        seen.path === "/metrics"
          ? text(`vllm:kv_cache_usage_perc{engine="0",model_name="m"} ${usage}\n`)(response, seen, index)
          : json({ id: "d" })(response, seen, index),
    });
    await until(() => rig.sidecar.levels().kvClosed);
    const answer = rig.disaggregated();
    await waitingAre(rig, 1);
    usage = 0.9;
    const looks = rig.decode.seen.length;
    await until(() => rig.decode.seen.length > looks + 3);
    expect([rig.sidecar.levels().waiting, rig.prefill.seen.length]).toEqual([1, 0]);
    usage = 0.5;
    expect((await answer).status).toBe(200);
    expect(rig.prefill.seen).toHaveLength(1);
  });

  it("promises free blocks to one request at a time, and forgets the promise when the model server counts them", async () => {
    const page = 'vllm:kv_cache_usage_perc 0.5\nvllm:cache_config_info{block_size="16",num_gpu_blocks="100"} 1\n';
    const prefills = heldAnswers();
    const rig = await startRig(["--kv-high-water-percent=90", "--kv-poll-interval=10ms"], {
      prefill: prefills.reply,
      decode: (response, seen, index) => (seen.path === "/metrics" ? text(page) : json({}))(response, seen, index),
    });
    await until(() => rig.decode.seen.length > 1);
    // 1 600 bytes are about 400 tokens, 25 blocks; 40 of 100 are left below the mark.
    const body = { ...CHAT, user: "x".repeat(1_600) };
    const first = rig.disaggregated({ body });
    await until(() => prefills.running() === 1);
    const second = rig.disaggregated({ body });
    await waitingAre(rig, 1);
    prefills.finish();
    await until(() => prefills.running() === 1);
    prefills.finish();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
  });

  it("does not hold anybody up when the model server tells nothing about its cache", async () => {
    const rig = await startRig(["--kv-high-water-percent=90", "--kv-min-free-blocks=10", "--kv-poll-interval=10ms"]);
    await until(() => rig.decode.seen.length > 0);
    expect((await rig.disaggregated()).status).toBe(200);
  });
});

describe("the metrics page", () => {
  it("has a port of its own; /metrics of the serving port is the model server's", async () => {
    const free = await startBackend();
    const rig = await startRig([], { decode: text("vllm:num_requests_running 1\n"), prefill: prefillAnswer() });
    expect((await ask(rig.sidecar.port, { method: "GET", path: "/metrics" })).text).toBe(
      "vllm:num_requests_running 1\n",
    );
    await rig.disaggregated();
    await rig.ask();
    const page = await rig.sidecar.metrics();
    const requests = 'llm_d_sidecar_requests_total{path="/v1/chat/completions",connector=';
    expect(page).toContain(`${requests}"nixlv2",outcome="ok"} 1`);
    expect(page).toContain(`${requests}"none",outcome="ok"} 1`);
    for (const name of ["prefill_duration_seconds_count 1", "decode_ttft_seconds_count 1", "queue_depth 0"]) {
      expect(page).toContain(`llm_d_sidecar_${name}`);
    }
    expect(free.seen).toHaveLength(0);
  });
});
