import { describe, expect, it } from "vitest";
import { expectReject, forwarded } from "../harness/expectations.ts";
import { BEnd, BODY, H, plain, REQUEST_ID } from "../harness/notation.ts";
import { ALL_DECIDERS, pdProblems, rolePod, split, startPd, tokens } from "./pd-picker.ts";

const DECODE = "10.0.0.1:8000";
const image = JSON.stringify({
  model: "m",
  messages: [{ role: "user", content: [{ type: "input_audio", input_audio: { data: "", format: "wav" } }] }],
});
const chat = { ":path": "/v1/chat/completions" };

describe("what the sidecar is told", () => {
  it("E24 names the prefill endpoint, IPv6 in brackets, and every encode endpoint", async () => {
    const picker = await startPd({
      parameters: ALL_DECIDERS,
      decider: { nonCachedTokens: 1 },
      profiles: {
        prefill: ["prefill-filter", "max-score-picker"],
        decode: ["decode-filter", "max-score-picker"],
        encode: [
          "encode-filter",
          "queue-scorer",
          { type: "max-score-picker", name: "both-encoders", parameters: { maxNumOfEndpoints: 2 } },
        ],
      },
    });
    picker.pool.set(rolePod("decode", DECODE), rolePod("prefill", "10.0.0.5:8000"));
    expect((await split(picker)).prefiller).toBe("10.0.0.5:8000");
    const busy = { metrics: { waiting: 9, kvUsage: 0, active: [] } };
    picker.pool.set(
      rolePod("decode", DECODE),
      rolePod("prefill", "[fd00::1]:8000"),
      rolePod("encode", "10.0.0.7:8000"),
      rolePod("encode", "10.0.0.8:8000", busy),
    );
    expect(await split(picker, { headers: chat, body: image })).toMatchObject({
      encoders: "10.0.0.7:8000,10.0.0.8:8000",
      prefiller: "[fd00::1]:8000",
    });
  });

  it("removes what a client sends under the names of these headers", async () => {
    const picker = await startPd({ decider: { nonCachedTokens: 20 } });
    picker.pool.set(rolePod("decode", DECODE), rolePod("prefill", "10.0.0.5:8000"));
    const names = [
      "x-prefiller-host-port",
      "x-prefiller-url",
      "x-encoder-hosts-ports",
      "x-data-parallel-host-port",
      "x-kv-cache-source-host-port",
    ];
    const theirs = Object.fromEntries(names.map((name) => [name, "6.6.6.6:666"]));
    const whole = await split(picker, { headers: theirs });
    for (const name of names) expect(whole.headers.has(name), name).toBe(false);
    const divided = await split(picker, { headers: theirs, body: tokens(20) });
    expect(divided.prefiller).toBe("10.0.0.5:8000");
    for (const name of names.slice(1)) expect(divided.headers.has(name), name).toBe(false);

    const twice = [
      H([
        ["x-request-id", REQUEST_ID],
        ["x-prefiller-host-port", "a"],
        ["x-prefiller-host-port", "b"],
      ]),
    ];
    const upstream = forwarded(await picker.replay([...twice, BEnd(tokens(20))])).headers;
    expect(upstream.filter(([name]) => name === "x-prefiller-host-port")).toEqual([
      ["x-prefiller-host-port", "10.0.0.5:8000"],
    ]);
  });
});

describe("data-parallel ranks", () => {
  const profiles = {
    decode: ["decode-filter", "queue-scorer", "max-score-picker"],
    prefill: ["prefill-filter", "max-score-picker"],
  };

  it("E27 sends a request to the primary port and names the rank", async () => {
    const picker = await startPd({ handler: "pd-profile-handler", parameters: { primaryPort: 9_000 }, profiles });
    picker.pool.set(rolePod("decode", DECODE));
    const { destination, headers } = await split(picker);
    expect(headers.get("x-data-parallel-host-port")).toBe(DECODE);
    expect(destination).toBe("10.0.0.1:9000");
    for (const primaryPort of [-10, 65_536]) {
      expect(
        (await pdProblems({ handler: "pd-profile-handler", parameters: { primaryPort }, profiles })).join(),
      ).toMatch(/primaryPort/);
    }
  });

  it("E28 does the same for one profile, and refuses two", async () => {
    const one = { default: ["queue-scorer", { type: "max-score-picker", parameters: { maxNumOfEndpoints: 2 } }] };
    const shape = { handler: "data-parallel-profile-handler", parameters: { primaryPort: 8_000 } };
    const picker = await startPd({ ...shape, profiles: one });
    const busy = { metrics: { waiting: 9, kvUsage: 0, active: [] } };
    picker.pool.set(rolePod(undefined, "10.0.0.1:8003"), rolePod(undefined, "10.0.0.2:8005", busy));
    const { destination, headers } = await split(picker);
    expect(destination).toBe("10.0.0.1:8000,10.0.0.2:8000");
    expect(headers.get("x-data-parallel-host-port")).toBe("10.0.0.1:8003");
    picker.pool.set();
    expectReject(await picker.replay(plain(BODY("m", "p"))), 503, /ServiceUnavailable/, "rejected-no-endpoints");
    expect((await pdProblems({ ...shape, profiles })).join()).toContain("exactly one scheduling profile");
  });
});

describe("metrics", () => {
  it("E25 count requests by the stages they got, models that were not named as unknown", async () => {
    const picker = await startPd({
      parameters: ALL_DECIDERS,
      decider: { nonCachedTokens: 5 },
      parsers: ["openai-parser", "passthrough-parser"],
    });
    const count = (decision_type: string, model_name = "m") =>
      picker.metric("disagg_decision_total", { model_name, decision_type, plugin_type: "disagg-profile-handler" });
    picker.pool.set(rolePod("decode", DECODE), rolePod("prefill", "10.0.0.5:8000"), rolePod("encode", "10.0.0.9:8000"));
    await split(picker, { body: tokens(1) });
    for (let i = 0; i < 2; i += 1) await split(picker);
    await split(picker, {
      headers: chat,
      body: image.replace('"content"', '"name":"xxxxxxxxxxxxxxxxxxxxxxxxxxxx","content"'),
    });
    await split(picker, { headers: { ":path": "/v1/unknown" }, body: "{}" });
    expect(await count("decode-only")).toBe(1);
    expect(await count("prefill-decode")).toBe(2);
    expect(await count("decode-only", "unknown")).toBe(1);
    const encoded = [await count("encode-decode"), await count("encode-prefill-decode")];
    expect(encoded.filter((n) => n === 1)).toHaveLength(1);
  });
});
