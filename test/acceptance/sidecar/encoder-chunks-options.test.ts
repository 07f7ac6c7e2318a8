import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { parseCommandLine, parsePoolName } from "@pointsman/pd-sidecar";
import { describe, expect, it } from "vitest";
import {
  type Backend,
  inTurn,
  type JsonObject,
  json,
  KV_PARAMS,
  prefillAnswer,
  startBackend,
  text,
} from "./harness/backend.ts";
import { CHAT, mistakesOf, type Rig, type RigOptions, startRig, until } from "./harness/rig.ts";

const ENCODERS = "x-encoder-hosts-ports";
const image = (url: string) => ({ type: "image_url", image_url: { url } });
const audio = { type: "input_audio", input_audio: { data: "AAAA", format: "wav" } };
const withParts = (...content: object[]) => ({ model: "m", messages: [{ role: "user", content }] });
const TEXT = { type: "text", text: "what is it?" };

describe("the encoder stage", () => {
  type EncoderRig = Rig & { encoders: readonly Backend[]; named: string };
  async function startEncoderRig(flags: readonly string[], options: RigOptions = {}): Promise<EncoderRig> {
    const answer = json({ ec_transfer_params: { hash1: { peer_host: "h", peer_port: 1, size_bytes: 2 } } });
    const encoders = [await startBackend(answer), await startBackend(json({ id: "e" }))];
    const named = encoders.map(({ address }) => address).join(",");
    return { ...(await startRig(flags, options)), encoders, named };
  }

  it("D1 encodes with the named servers before the other stages, and shows the header to nobody", async () => {
    const rig = await startEncoderRig(["--ec-connector=ec-nixl"]);
    const body = { ...withParts(TEXT, image("a"), image("b")), max_tokens: 9, stream: true };
    await rig.ask({ headers: { [ENCODERS]: rig.named }, body });
    expect(rig.encoders.map(({ seen }) => seen.length)).toEqual([1, 1]);
    expect(rig.encoders[0]!.last.json).toEqual({
      model: "m",
      messages: [{ role: "user", content: [image("a")] }],
      max_tokens: 1,
      stream: false,
    });
    expect(rig.encoders[0]!.last.path).toBe("/v1/chat/completions");
    expect(rig.encoders[0]!.last.headers).not.toHaveProperty(ENCODERS);
    expect(rig.decode.last.headers).not.toHaveProperty(ENCODERS);
    expect(rig.decode.last.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(rig.prefill.seen).toHaveLength(0);
  });

  it("D3 uses the encoders that are allowed", async () => {
    const folder = await mkdtemp(`${tmpdir()}/pointsman-sidecar-`);
    await writeFile(`${folder}/e.yaml`, 'endpoints:\n- { name: a, address: 127.0.0.1, port: "1" }\n');
    const rig = await startEncoderRig(["--ec-connector=ec-nixl", `--ssrf-allowlist-file=${folder}/e.yaml`]);
    const headers = { [ENCODERS]: `10.1.1.1:8000,${rig.encoders[0]!.address}` };
    expect((await rig.ask({ headers, body: withParts(image("a"), image("b")) })).status).toBe(200);
    expect(rig.encoders[0]!.seen).toHaveLength(2);
    await rm(folder, { recursive: true });
  });

  it("D4 ignores encoders where no connector is configured", async () => {
    const rig = await startEncoderRig([]);
    const call = { headers: { [ENCODERS]: rig.named }, body: withParts(image("a")) };
    await rig.ask(call);
    expect([rig.prefill.seen.length, rig.decode.seen.length]).toEqual([0, 1]);
    await rig.disaggregated(call);
    expect([rig.prefill.seen.length, rig.decode.seen.length]).toEqual([1, 2]);
    expect(rig.encoders.map(({ seen }) => seen.length)).toEqual([0, 0]);
  });

  it("D6 goes on without parameters where an encoder gives none, with threshold 0", async () => {
    const rig = await startEncoderRig(["--ec-connector=ec-nixl"]);
    const body = withParts(image("a"));
    await rig.ask({ headers: { [ENCODERS]: rig.encoders[1]!.address }, body });
    expect(rig.decode.last.json).toEqual({ ...body, cache_hit_threshold: 0 });
  });

  it("D7 takes the parameters that one of two encoders gives, and hands them to both legs", async () => {
    const rig = await startEncoderRig(["--ec-connector=ec-nixl"]);
    await rig.disaggregated({ headers: { [ENCODERS]: rig.named }, body: withParts(image("a"), image("b")) });
    for (const { last } of [rig.prefill, rig.decode]) {
      expect(Object.keys(last.json["ec_transfer_params"] as JsonObject)).toEqual(["hash1"]);
    }
    expect(rig.decode.last.json).toMatchObject({ cache_hit_threshold: 0, kv_transfer_params: KV_PARAMS });
  });

  it("D9 encodes an image once, inline audio each time, under ids of their own", async () => {
    const rig = await startEncoderRig(["--ec-connector=ec-example"]);
    const headers = { [ENCODERS]: rig.encoders[0]!.address };
    await rig.ask({ headers, body: withParts(image("a"), image("a")) });
    expect(rig.encoders[0]!.seen).toHaveLength(1);
    expect(rig.encoders[0]!.last.headers["x-request-id"]).toMatch(/-enc-0$/);
    await rig.ask({ headers, body: withParts(audio, audio) });
    const ids = rig.encoders[0]!.seen.slice(1).map((seen) => String(seen.headers["x-request-id"]).slice(-6));
    expect(ids.sort()).toEqual(["-enc-0", "-enc-1"]);
  });

  it("D10 asks no encoder about text", async () => {
    const rig = await startEncoderRig(["--ec-connector=ec-nixl"]);
    const call = { headers: { [ENCODERS]: rig.named }, body: withParts(TEXT) };
    await rig.ask(call);
    await rig.disaggregated(call);
    expect([rig.prefill.seen.length, rig.decode.seen.length]).toEqual([1, 2]);
    expect(rig.encoders.map(({ seen }) => seen.length)).toEqual([0, 0]);
  });

  it("answers 502 when an encoder fails", async () => {
    const rig = await startEncoderRig(["--ec-connector=ec-nixl"]);
    rig.encoders[1]!.reply = text("no", 500);
    const answer = await rig.ask({ headers: { [ENCODERS]: rig.named }, body: withParts(image("a"), image("b")) });
    expect([answer.status, answer.json.type]).toEqual([502, "BadGateway"]);
    expect(rig.decode.seen).toHaveLength(0);
  });
});

describe("chunked decode", () => {
  const chunk = (content: string, finish: string, prompt: number, completion: number) =>
    json({
      id: "c",
      model: "m",
      choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: finish }],
      usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
    });

  it("D12 continues the text chunk by chunk and adds up the usage", async () => {
    const decode = inTurn(chunk("hello ", "length", 8, 5), chunk("world", "stop", 9, 5));
    const rig = await startRig(["--decode-chunk-size=5"], { decode });
    const answer = await rig.disaggregated({ body: { ...CHAT, max_tokens: 10 } });
    expect(answer.json.choices[0]).toMatchObject({ message: { content: "hello world" }, finish_reason: "stop" });
    expect(answer.json.usage).toMatchObject({ prompt_tokens: 8, completion_tokens: 10, total_tokens: 18 });
    const [first, second] = rig.decode.seen.map((seen) => seen.json);
    expect(first).toMatchObject({
      max_tokens: 5,
      max_completion_tokens: 5,
      stream: false,
      kv_transfer_params: KV_PARAMS,
    });
    expect(second).toMatchObject({ continue_final_message: true, add_generation_prompt: false });
    expect(second!["messages"]).toEqual([...CHAT.messages, { role: "assistant", content: "hello " }]);
    expect(second).not.toHaveProperty("kv_transfer_params");
  });

  it("D13 streams one event per chunk, the usage, and the end", async () => {
    const decode = inTurn(chunk("hello ", "length", 5, 5), chunk("world", "stop", 9, 5));
    const rig = await startRig(["--decode-chunk-size=5"], { decode });
    const answer = await rig.ask({ body: { ...CHAT, max_tokens: 10, stream: true } });
    expect(answer.headers["content-type"]).toMatch(/^text\/event-stream/);
    expect(answer.events).toHaveLength(4);
    const [one, two, usage] = answer.events.slice(0, 3).map((event) => JSON.parse(event));
    expect([one, two].map((event) => event.choices[0].delta.content)).toEqual(["hello ", "world"]);
    expect([one, two].map((event) => event.choices[0].finish_reason)).toEqual([null, "stop"]);
    expect(one).not.toHaveProperty("usage");
    expect(usage).toMatchObject({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 10, total_tokens: 15 } });
    expect(answer.events[3]).toBe("[DONE]");
  });

  it("D15 passes a failure of the decode server on", async () => {
    const rig = await startRig(["--decode-chunk-size=5"], { decode: text("no", 502) });
    expect(await rig.ask({ body: { ...CHAT, max_tokens: 10 } })).toMatchObject({ status: 502, text: "no" });
  });

  it("tells a failure in the middle in the stream, or as the answer where nothing was sent", async () => {
    const decode = inTurn(chunk("hello ", "length", 5, 5), text("no", 500));
    const rig = await startRig(["--decode-chunk-size=5"], { decode });
    const { status, events } = await rig.ask({ body: { ...CHAT, max_tokens: 10, stream: true } });
    expect(status).toBe(200);
    expect(JSON.parse(events[1]!)).toMatchObject({ object: "error", code: 500 });
    expect(events[2]).toBe("[DONE]");
    const other = await startRig(["--decode-chunk-size=5"], { decode });
    expect(await other.ask({ body: { ...CHAT, max_tokens: 10 } })).toMatchObject({ status: 500, text: "no" });
    // One chunk that would do is an ordinary request.
    await other.ask({ body: { ...CHAT, max_tokens: 5 } });
    expect(other.decode.last.json).toEqual({ ...CHAT, max_tokens: 5 });
  });

  it("D16 takes max_completion_tokens where both limits are sent", async () => {
    const replies = Array.from({ length: 20 }, () => chunk("x ", "length", 5, 20));
    const rig = await startRig(["--decode-chunk-size=20"], { decode: inTurn(...replies) });
    const answer = await rig.ask({ body: { ...CHAT, max_tokens: 50, max_completion_tokens: 100 } });
    expect(rig.decode.seen).toHaveLength(5);
    expect(answer.json.usage.completion_tokens).toBe(100);
  });
});

describe("options", () => {
  const settingsOf = (flags: readonly string[], env = {}) => {
    const line = parseCommandLine(flags, env);
    if (line.kind !== "run") throw new Error(JSON.stringify(line));
    return line.settings;
  };

  it("D18 takes YAML, inline or from a file, and lets flags win", async () => {
    const yaml = "port: 8011\nmodel-server-port: 8021\nenable-tls: [prefiller, decoder]\nprefill-timeout: 5s\n";
    const folder = await mkdtemp(`${tmpdir()}/pointsman-sidecar-`);
    await writeFile(`${folder}/c.yaml`, yaml);
    for (const source of [`--configuration=${yaml}`, `--configuration-file=${folder}/c.yaml`]) {
      const settings = settingsOf([source, "--port", "8012"]);
      expect(settings).toMatchObject({ port: 8012, "model-server-port": 8021, "prefill-timeout": 5_000 });
      expect(settings["enable-tls"]).toEqual(["prefiller", "decoder"]);
    }
    expect(settingsOf([`--configuration=${yaml}`, "--vllm-port=8031"])["model-server-port"]).toBe(8031);
    await rm(folder, { recursive: true });
  });

  it("takes the environment where neither flags nor YAML say anything", () => {
    const env = { P2P_CONNECTOR_PORT: "7001", MOONCAKE_BOOTSTRAP_PORT: "8001", ENABLE_PREFILLER_SAMPLING: "true" };
    const given = { ...env, POD_IP: "10.0.0.5", SGLANG_BOOTSTRAP_PORT: "9001" };
    const settings = settingsOf(["--mooncake-bootstrap-port=8002", "--configuration=p2p-connector-port: 7002"], given);
    expect(settings).toMatchObject({
      "p2p-connector-port": 7002,
      "mooncake-bootstrap-port": 8002,
      "enable-prefiller-sampling": true,
      podIp: "10.0.0.5",
      sglangBootstrapPort: 9001,
    });
    expect(mistakesOf([], { SGLANG_BOOTSTRAP_PORT: "x" })).toEqual([expect.stringContaining("SGLANG_BOOTSTRAP_PORT")]);
    expect(mistakesOf([], { P2P_CONNECTOR_PORT: "0" })).toEqual([expect.stringContaining("p2p-connector-port")]);
  });

  it("D19 refuses unknown and removed keys, and two sources at once", () => {
    expect(mistakesOf(["--configuration=no-such-key: 1"])).toEqual([expect.stringContaining("no-such-key")]);
    expect(mistakesOf(["--configuration=connector: nixlv2"])).toEqual([expect.stringContaining('"connector"')]);
    expect(mistakesOf(["--configuration=port: 1", "--configuration-file=/nowhere"])).toEqual([
      expect.stringContaining("exclude each other"),
    ]);
  });

  it("D21 reads the name of a pool with and without its namespace", () => {
    expect(parsePoolName("my-namespace/my-pool")).toEqual({ namespace: "my-namespace", name: "my-pool" });
    expect(parsePoolName("my-pool")).toEqual({ namespace: "default", name: "my-pool" });
    expect(parsePoolName("")).toBeUndefined();
    expect(mistakesOf(["--inference-pool=a/b/c"])).toEqual([expect.stringContaining("--inference-pool")]);
  });

  it.each([
    ["enable-ssrf-protection", ["--enable-ssrf-protection"]],
    ["enable-tls", ["--enable-tls", "foo"]],
    ["kv-connector", ["--kv-connector", "foo"]],
    ["data-parallel-size", ["--data-parallel-size=0"]],
    ["p2p-connector-port", ["--p2p-connector-port=70000"]],
    ["p2p-connector-port", ["--data-parallel-size=4", "--p2p-connector-port=65533"]],
    ["enable-p2p-pull", ["--enable-p2p-pull", "--kv-connector=shared-storage"]],
    ["enable-p2p-pull", ["--enable-p2p-pull", "--kv-connector=offloading"]],
  ])("D22 refuses a wrong --%s by name", (flag, flags) => {
    expect(mistakesOf(flags)).toEqual([expect.stringContaining(`--${flag}`)]);
    expect(mistakesOf(["--data-parallel-size=4", "--p2p-connector-port=65532"])).toEqual([]);
  });

  it("D24 forgets a client that leaves the queue, and asks nobody for it", async () => {
    const rig = await startRig(["--max-concurrent-decodes=1"], { prefill: prefillAnswer() });
    let finish: (() => void) | undefined;
    rig.decode.reply = (response) => {
      finish = () => response.end("{}");
    };
    const first = rig.ask();
    await until(() => rig.sidecar.levels().decodes === 1 && finish !== undefined);
    const leaving = new AbortController();
    const second = rig.disaggregated({ signal: leaving.signal }).catch(() => "left");
    await until(() => rig.sidecar.levels().waiting === 1);
    leaving.abort();
    await until(() => rig.sidecar.levels().waiting === 0);
    expect(await second).toBe("left");
    finish!();
    expect((await first).status).toBe(200);
    await until(() => rig.sidecar.levels().decodes === 0);
    expect(rig.sidecar.levels()).toMatchObject({ waiting: 0, decodes: 0, prefills: 0, bufferedBytes: 0 });
    expect([rig.prefill.seen.length, rig.decode.seen.length]).toEqual([0, 1]);
  });
});
