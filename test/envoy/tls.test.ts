import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { type Bootstrap, bootstrapFolder } from "./harness/bootstrap.ts";
import { describeWithEnvoy } from "./harness/describe-with-envoy.ts";
import { eventsOf, post } from "./harness/http.ts";
import { MODEL, type Stack, startStack } from "./harness/stack.ts";

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: active-request-scorer
`;

/** The fragment that the README tells people to add. */
function transportSocket(): Readonly<Record<string, unknown>> {
  const readme = readFileSync(join(bootstrapFolder, "README.md"), "utf8");
  const block = [...readme.matchAll(/```yaml\n(.*?)```/gs)].find(([, text]) => text!.startsWith("transport_socket:"));
  if (block === undefined) throw new Error("the README has no transport_socket");
  return parse(block[1]!) as Readonly<Record<string, unknown>>;
}

const speakTls = (bootstrap: Bootstrap): void => {
  bootstrap.mergeIntoPickerCluster(transportSocket());
  bootstrap.checkHealthOnGrpcPort();
};

for (const bootstrap of ["override-host", "full-duplex"] as const) {
  describeWithEnvoy(`a picker that serves TLS with a certificate of its own, with ${bootstrap}.yaml`, () => {
    let stack: Stack;
    beforeAll(async () => {
      stack = await startStack({ bootstrap, config, epp: { tls: "self-signed" }, edit: speakTls });
    });
    afterEach(() => stack.expectIdle());
    afterAll(() => stack?.close());

    it("is found well over TLS, and asked", async () => {
      expect(await stack.envoy.pickerIsHealthy()).toBe(true);
      const answer = await post(
        `${stack.url}/v1/completions`,
        { model: MODEL, prompt: "x", stream: true },
        { "x-request-id": "tls" },
      );
      expect(answer.status).toBe(200);
      expect(eventsOf(answer.text).length).toBeGreaterThan(15);
      expect((await stack.decided("tls")).served).not.toBeNull();
      expect(await stack.envoy.stat("cluster.epp.ssl.handshake")).toBeGreaterThan(0);
    });
  });
}
