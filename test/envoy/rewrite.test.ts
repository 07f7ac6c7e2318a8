import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeWithEnvoy } from "./harness/describe-with-envoy.ts";
import { eventsOf, type HeaderFields, post, postChunked } from "./harness/http.ts";
import { sumOf } from "./harness/metrics-page.ts";
import { until } from "./harness/poll.ts";
import { MODEL, type Stack, type StackOptions, startStack } from "./harness/stack.ts";

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: active-request-scorer
`;
const ALIAS = "the-name-that-clients-know";
const rewrite: HeaderFields = { "x-llm-d-model-name-rewrite": MODEL };

const body = (fields: object = {}) => ({ model: ALIAS, messages: [{ role: "user", content: "Hello" }], ...fields });
const overrideIgnored = async (stack: Stack): Promise<number> =>
  sumOf(await stack.epp.metricsPage(), "llm_d_epp_mode_override_ignored_total");

const variants: Readonly<Record<string, Pick<StackOptions, "bootstrap" | "edit"> & { asksForBodies: boolean }>> = {
  "override-host.yaml": { bootstrap: "override-host", asksForBodies: true },
  "original-dst.yaml": { bootstrap: "original-dst", asksForBodies: true },
  "full-duplex.yaml": { bootstrap: "full-duplex", asksForBodies: false },
};

for (const [name, { asksForBodies, ...variant }] of Object.entries(variants)) {
  describeWithEnvoy(`a request whose model is rewritten, with ${name}`, () => {
    let stack: Stack;
    let url: string;
    beforeAll(async () => {
      stack = await startStack({ ...variant, config, sims: 1 });
      url = `${stack.url}/v1/chat/completions`;
    });
    afterEach(async () => {
      await stack.expectIdle();
      expect(await overrideIgnored(stack)).toBe(0);
    });
    afterAll(() => stack?.close());

    const arrived = (id: string) => stack.sims[0]!.state().requests.find((request) => request.id === id)!;

    it("asks for the other model, in a body of the right length", async () => {
      for (const send of [post, postChunked]) {
        const id = randomUUID();
        const sent = JSON.stringify(body());
        const answer = await send(url, sent, { ...rewrite, "x-request-id": id });
        expect(answer.status, answer.text).toBe(200);
        const { headers, model, bodyBytes } = arrived(id);
        expect(model).toBe(MODEL);
        expect(bodyBytes).toBe(sent.length - ALIAS.length + MODEL.length);
        if (headers["content-length"] !== undefined) expect(Number(headers["content-length"])).toBe(bodyBytes);
        if (asksForBodies && send === post) expect(headers["content-length"]).toBeDefined();
        expect(headers).not.toHaveProperty("x-llm-d-model-name-rewrite");
      }
    });

    it("gets its own name back in JSON", async () => {
      const answer = await post(url, body(), rewrite);
      expect(answer.json()).toMatchObject({ model: ALIAS, usage: { completion_tokens: 16 } });
      expect(answer.text).not.toContain(`"${MODEL}"`);
    });

    it("gets its own name back in every event of a stream", async () => {
      const answer = await post(url, body({ stream: true, stream_options: { include_usage: true } }), rewrite);
      expect(answer.text).toMatch(/data: \[DONE\]\n\n$/);
      const events = eventsOf(answer.text);
      expect(events.length).toBeGreaterThan(16);
      expect(new Set(events.map((event) => event["model"]))).toEqual(new Set([ALIAS]));
    });

    it("is the only one whose answer the picker asks to see", async () => {
      const [rewritten, plain] = [randomUUID(), randomUUID()];
      await post(url, body({ stream: true }), { ...rewrite, "x-request-id": rewritten });
      await post(url, body({ stream: true, model: MODEL }), { "x-request-id": plain });
      // `sb` counts the exchanges about the body of the answer.
      const seen = async (id: string) => /\bsb:/.test((await stack.envoy.logged(id)).epp ?? "");
      expect(await seen(rewritten)).toBe(true);
      expect(await seen(plain)).toBe(!asksForBodies);
      expect((await stack.decided(rewritten)).outcome).toBe("ended");
      expect((await stack.decided(plain)).outcome).toBe(asksForBodies ? "unknown" : "ended");
    });

    it("is counted", async () => {
      const before = sumOf(await stack.epp.metricsPage(), "llm_d_epp_model_rewrite_decisions_total");
      await post(url, body(), rewrite);
      expect(sumOf(await stack.epp.metricsPage(), "llm_d_epp_model_rewrite_decisions_total")).toBe(before + 1);
    });
  });
}

describeWithEnvoy("an Envoy without allow_mode_override", () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({
      bootstrap: "override-host",
      config,
      sims: 1,
      edit: (bootstrap) => bootstrap.deleteExtProc(["allow_mode_override"]),
    });
  });
  afterEach(() => stack.expectIdle());
  afterAll(() => stack?.close());

  it("is noticed: the answer keeps the other name, each time counts, and the log says so once", async () => {
    for (const stream of [false, true, false]) {
      const answer = await post(`${stack.url}/v1/chat/completions`, body({ stream }), rewrite);
      expect(answer.status).toBe(200);
      expect(answer.text).toContain(`"model":"${MODEL}"`);
    }
    await until("the metric", async () => (await overrideIgnored(stack)) === 3);
    const lines = stack.log.filter(({ msg }) => String(msg).includes("allow_mode_override"));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: "warn" });
  });
});
