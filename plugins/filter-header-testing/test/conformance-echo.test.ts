import type { Endpoint, ProfileResult } from "@pointsman/plugin-api";
import { createTestRequest, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { conformanceEcho } from "../src/conformance-echo.ts";

const endpoints = [1, 2].map((i) => ({ name: `pod-${i}`, host: `10.0.0.${i}`, port: 3000 }));

async function setUp() {
  const { postChoice, responseHeaders, pool } = await setUpPlugin(conformanceEcho, { endpoints });
  return { postChoice: postChoice!, responseHeaders: responseHeaders!, pods: [...pool.candidates()] as Endpoint[] };
}

function choiceOf(picked: readonly Endpoint[], headers: Map<string, string>) {
  return {
    picked,
    primaryProfile: "default",
    profiles: ["default"],
    result: (): ProfileResult | undefined => undefined,
    setHeader: (name: string, value: string) => void headers.set(name, value),
    removeHeader() {},
    setBodyField() {},
  };
}

function answerOf(served: Endpoint | undefined, headers: Map<string, string>) {
  return {
    status: served === undefined ? 503 : 200,
    served,
    header: () => undefined,
    setHeader: (name: string, value: string) => void headers.set(name, value),
  };
}

describe("conformance-echo", () => {
  it("asks the echo server to report the first picked endpoint (K06)", async () => {
    const { postChoice, pods } = await setUp();
    const headers = new Map<string, string>();
    postChoice(createTestRequest(), choiceOf([pods[1]!, pods[0]!], headers));
    expect([...headers]).toEqual([["x-echo-set-header", "x-conformance-test-served-endpoint:10.0.0.2:3000"]]);
  });

  it("reports the endpoint that served, picked or not (Q28)", async () => {
    const { responseHeaders, pods } = await setUp();
    const headers = new Map<string, string>();
    responseHeaders(createTestRequest(), answerOf(pods[0], headers));
    expect([...headers]).toEqual([["x-conformance-test-served-endpoint", "10.0.0.1:3000"]]);
  });

  it("says so when nobody served (Q28)", async () => {
    const { responseHeaders } = await setUp();
    const headers = new Map<string, string>();
    responseHeaders(createTestRequest(), answerOf(undefined, headers));
    expect([...headers]).toEqual([
      ["x-conformance-test-served-endpoint", "fail: missing destination endpoint served metadata"],
    ]);
  });
});
