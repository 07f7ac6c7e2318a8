import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { CLIENT_MODEL, describeClients } from "./clients.ts";
import { describeWithEnvoy } from "./harness/describe-with-envoy.ts";
import { sumOf } from "./harness/metrics-page.ts";
import { MODEL, type Stack, startStack } from "./harness/stack.ts";

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: active-request-scorer
`;

for (const bootstrap of ["override-host", "full-duplex"] as const) {
  describeWithEnvoy(`${bootstrap}.yaml`, () => {
    let stack: Stack;
    beforeAll(async () => {
      expect(CLIENT_MODEL).toBe(MODEL);
      stack = await startStack({ bootstrap, config });
    });
    afterEach(() => stack.expectIdle());
    afterAll(() => stack?.close());

    describeClients(`Envoy with ${bootstrap}.yaml`, () => stack.url);

    it("has counted the requests of the clients", async () => {
      const page = await stack.epp.metricsPage();
      expect(sumOf(page, "llm_d_epp_request_total")).toBeGreaterThan(15);
      expect(page).toContain(`model_name="${MODEL}"`);
      const decided = [...stack.epp.decisions.newest()].filter(({ refusal }) => refusal === undefined);
      // Where the answer holds nothing of interest, the picker leaves before it comes; in full duplex it must not.
      const unwatched = decided.filter(({ served }) => served === undefined).map(({ api }) => api);
      expect(new Set(unwatched)).toEqual(new Set(bootstrap === "full-duplex" ? [] : ["anthropic-count-tokens"]));
      expect(new Set(decided.map(({ api }) => api))).toEqual(
        new Set([
          "openai-chat",
          "openai-completions",
          "openai-embeddings",
          "openai-responses",
          "openai-transcriptions",
          "anthropic-messages",
          "anthropic-count-tokens",
        ]),
      );
    });
  });
}
