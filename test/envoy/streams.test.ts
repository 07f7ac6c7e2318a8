import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeWithEnvoy } from "./harness/describe-with-envoy.ts";
import { get } from "./harness/http.ts";
import { type Stack, startStack } from "./harness/stack.ts";

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: active-request-scorer
`;

/** Node's HTTP/2 below version 22 lets 1 000 resets pass, and 33 more each second; then it closes the connection. */
const STREAMS = 1_600;
const AT_ONCE = 100;

describeWithEnvoy("many short requests", () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ bootstrap: "override-host", config });
  });
  afterEach(() => stack.expectIdle());
  afterAll(() => stack?.close());

  it("share one connection to the picker, which nothing breaks", async () => {
    for (let sent = 0; sent < STREAMS; sent += AT_ONCE) {
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => get(`${stack.url}/v1/models`)));
      expect(answers.every(({ status }) => status === 200)).toBe(true);
    }
    expect(await stack.envoy.stat("http.inference.ext_proc.streams_started")).toBe(STREAMS);
    expect(await stack.envoy.stat("http.inference.ext_proc.streams_failed")).toBe(0);
    expect(await stack.envoy.stat("http.inference.ext_proc.failure_mode_allowed")).toBe(0);
    expect(await stack.envoy.stat("cluster.epp.upstream_cx_total")).toBe(1);
  });
});
