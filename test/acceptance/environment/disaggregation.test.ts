import { describe, expect, it } from "vitest";
import { startFromEnvironment } from "../harness/environment.ts";
import { forwarded } from "../harness/expectations.ts";
import { BODY, md, plain, RBEnd, RH, served } from "../harness/notation.ts";
import type { TestPicker } from "../harness/picker.ts";
import { pod } from "../harness/test-pool.ts";

const PREFILL = pod("prefill", "1.2.3.4:80", { labels: { "llm-d.ai/role": "prefill" } });
const DECODE = pod("decode", "5.6.7.8:80", { labels: { "llm-d.ai/role": "decode" } });
const split = { prefill: "1.2.3.4:80", legacy: "http://1.2.3.4:80" };
const whole = { prefill: undefined, legacy: undefined };

async function started(variables: Record<string, string>): Promise<TestPicker> {
  const picker = await startFromEnvironment({ PD_ENABLED: "true", ...variables });
  picker.pool.set(PREFILL, DECODE);
  return picker;
}

/** Sends a prompt that the decode pod then serves; tells what the sidecar is told. */
async function send(picker: TestPicker, prompt: string) {
  const answer = [md(RH({ ":status": "200" }), served("5.6.7.8:80")), RBEnd("{}")];
  const request = plain(BODY("m", prompt), {
    "x-prefiller-host-port": "6.6.6.6:6",
    "x-prefiller-url": "http://6.6.6.6:6",
  });
  const headers = new Map(forwarded(await picker.replay([...request, ...answer])).headers);
  expect(headers.get("x-gateway-destination-endpoint")).toBe("5.6.7.8:80");
  return { prefill: headers.get("x-prefiller-host-port"), legacy: headers.get("x-prefiller-url") };
}

/** 256 bytes; equal letters, equal blocks. */
const block = (letter: string) => letter.repeat(256);

describe("P/D by variables", () => {
  it("F19 splits a prompt of the threshold's length: prefill pod in the new and in the old header", async () => {
    const picker = await started({ PD_PROMPT_LEN_THRESHOLD: "10" });
    expect(await send(picker, "12345678901")).toEqual(split);
    expect(await send(picker, "1234567890")).toEqual(split);
    expect(await send(picker, "123456789")).toEqual(whole);
  });

  it("splits nothing that fits, and everything with the threshold 0", async () => {
    expect(await send(await started({}), "x".repeat(99))).toEqual(whole);
    expect(await send(await started({ PD_PROMPT_LEN_THRESHOLD: "0" }), "")).toEqual(split);
  });

  it.each([
    [2, 0, whole],
    [1, 256, split],
    [0, 512, split],
  ])("F21 with %d of 2 blocks at the decode pod, %d bytes are left of the threshold 100", async (cached, _, told) => {
    const picker = await started({ ENABLE_PREFIX_AWARE_SCORER: "true" });
    if (cached > 0) await send(picker, [block("a"), block("b")].slice(0, cached).join(""));
    expect(await send(picker, block("a") + block("b"))).toEqual(told);
  });

  it("F22 sends a prompt whole when it comes again, also when no prefix scorer is on", async () => {
    for (const variables of [{ ENABLE_PREFIX_AWARE_SCORER: "true" }, {}]) {
      const picker = await started(variables);
      expect(await send(picker, block("a") + block("b"))).toEqual(split);
      expect(await send(picker, block("a") + block("b"))).toEqual(whole);
    }
  });

  it("serves whole what no prefill pod is there for", async () => {
    const picker = await started({ PD_PROMPT_LEN_THRESHOLD: "10" });
    picker.pool.set(DECODE);
    expect(await send(picker, block("a"))).toEqual(whole);
  });

  it("takes every plugin on both sides at once", async () => {
    const stems = ["PREFIX_AWARE", "SESSION_AWARE", "LOAD_AWARE", "GIE_PREFIX", "GIE_QUEUE", "GIE_KVCACHE_UTILIZATION"];
    const filters = ["LOW_QUEUE", "LORA_AFFINITY", "LEAST_QUEUE", "LEAST_KVCACHE", "SHEDDABLE_CAPACITY"];
    const on = ["", "PREFILL_"].flatMap((side) => [
      ...stems.map((stem) => [`${side}ENABLE_${stem}_SCORER`, "true"]),
      ...filters.map((stem) => [`${side}ENABLE_GIE_${stem}_FILTER`, "true"]),
    ]);
    expect(await send(await started(Object.fromEntries(on)), block("a"))).toEqual(split);
  });
});
