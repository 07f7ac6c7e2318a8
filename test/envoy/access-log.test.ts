import { randomUUID } from "node:crypto";
import { reportDecision } from "@pointsman/epp";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeWithEnvoy } from "./harness/describe-with-envoy.ts";
import { open, post } from "./harness/http.ts";
import { seriesOf } from "./harness/metrics-page.ts";
import { poll, until } from "./harness/poll.ts";
import { addressOf, MODEL, type Stack, startStack } from "./harness/stack.ts";

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: active-request-scorer
`;

describeWithEnvoy("Envoy's access log", () => {
  describe.each(["native", "grpc-js"] as const)("sent to the picker (%s)", (transport) => {
    let stack: Stack;
    beforeAll(async () => {
      stack = await startStack({
        bootstrap: "override-host",
        config,
        sims: 1,
        simOptions: { ttftMs: 60, interTokenMs: 5 },
        epp: { transport },
      });
      // The first entry opens the log; `auto` notes requests down from then on.
      await post(`${stack.url}/v1/completions`, { model: MODEL, prompt: "first", max_tokens: 1 });
      await until("the log to begin", async () => (await sumOf("access_log_entries_total")) > 0);
    });
    afterEach(() => stack.expectIdle());
    afterAll(() => stack?.close());

    const series = async (name: string) => seriesOf(await stack.epp.metricsPage(), `llm_d_epp_${name}`);
    const sumOf = async (name: string, labels = ""): Promise<number> =>
      [...(await series(name))].reduce((sum, [of, value]) => (of.includes(labels) ? sum + value : sum), 0);
    const proxied = (id: string) =>
      poll(`the entry of ${id}`, () => {
        const record = stack.epp.decisions.find(id)[0];
        return record?.proxied === undefined ? undefined : reportDecision(record);
      });

    it("tells when the first byte came, how long it took and how much it was, without a byte of the answer", async () => {
      const id = randomUUID();
      const body = { model: MODEL, prompt: "hello", max_tokens: 20, ignore_eos: true, stream: true };
      const answer = await post(`${stack.url}/v1/completions`, body, { "x-request-id": id });
      expect(answer.status).toBe(200);
      const { proxied: entry, served } = await proxied(id);
      expect(entry).toMatchObject({
        details: "via_upstream",
        upstream: addressOf(stack.sims[0]!),
        responseBytes: Buffer.byteLength(answer.text),
      });
      expect(served).toBe(entry!.upstream);
      expect(entry!.firstByteMs).toBeGreaterThan(0);
      expect(entry!.durationMs).toBeGreaterThanOrEqual(entry!.firstByteMs! + 19 * 5 - 20);
      await until("the size", async () => (await sumOf("response_size_bytes_sum")) >= entry!.responseBytes);
      expect(await sumOf("request_ttft_seconds_count", 'streaming="true"')).toBeGreaterThan(0);
      expect(await sumOf("request_end_total", 'end="complete"')).toBeGreaterThan(0);
    });

    it("tells a client that went away from an answer that was complete", async () => {
      const id = randomUUID();
      const abort = new AbortController();
      const body = { model: MODEL, prompt: "hello", max_tokens: 100_000, ignore_eos: true, stream: true };
      await open(`${stack.url}/v1/completions`, body, { "x-request-id": id }, abort.signal);
      abort.abort();
      expect((await proxied(id)).proxied!.details).toContain("downstream");
      expect(await sumOf("request_end_total", 'end="client-gone"')).toBe(1);
    });
  });
});
