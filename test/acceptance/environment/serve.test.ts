import { createExtProcClient } from "@pointsman/ext-proc";
import { describe, expect, it } from "vitest";
import { destinationOf } from "../harness/expectations.ts";
import { BODY, plain } from "../harness/notation.ts";
import { replay } from "../harness/replay.ts";
import { runPointsman, type ServeProcess, startServe } from "../harness/serve-process.ts";

const endpoints = [
  { name: "a", address: "127.0.0.1", port: "9" },
  { name: "b", address: "127.0.0.2", port: "9", labels: { "llm-d.ai/role": "prefill" } },
];

async function routed({ ports }: ServeProcess): Promise<string> {
  const client = createExtProcClient({ address: `127.0.0.1:${ports.grpc}` });
  try {
    return destinationOf(await replay(client, plain(BODY("m", "p"))));
  } finally {
    client.close();
  }
}

const logged = (serve: ServeProcess, code: string) =>
  serve
    .output()
    .split("\n")
    .filter((line) => line.includes(`"${code}"`))
    .map((line) => (JSON.parse(line) as { msg: string }).msg);

describe("serve with variables and an endpoints file alone", () => {
  it("routes, and says that the configuration is the environment", async () => {
    const serve = await startServe(
      { ENABLE_SESSION_AWARE_SCORER: "true", ENABLE_LOAD_AWARE_SCORER: "true" },
      endpoints,
    );
    // The role filter of the decode side holds without P/D too.
    expect(await routed(serve)).toBe("127.0.0.1:9");
    expect(serve.output()).toContain('"config":"the environment"');
    expect(await serve.end()).toBe(0);
  });

  it.each([
    [{ KVCACHE_INDEXER_REDIS_ADDR: "127.0.0.1:9" }, "HF_TOKEN"],
    [{ HF_TOKEN: "hf_not_to_be_seen" }, "KVCACHE_INDEXER_REDIS_ADDR"],
  ])("F7 leaves the KV cache scorer out when it has only %j, says so, and runs", async (given, missing) => {
    const serve = await startServe({ ENABLE_KVCACHE_AWARE_SCORER: "true", ...given }, endpoints);
    expect(logged(serve, "POINTSMAN_ENV_MISSING")).toEqual([
      `ENABLE_KVCACHE_AWARE_SCORER is true, but ${missing} is missing or cannot be used: the scorer is left out.`,
    ]);
    expect(await routed(serve)).toBe("127.0.0.1:9");
    expect(serve.output()).not.toContain("kvcache-aware-scorer");
    expect(serve.output()).not.toContain("hf_not_to_be_seen");
  });

  it("does not start with a number that would have crashed, and names the variable", async () => {
    const env = { ENABLE_LOAD_AWARE_SCORER: "true", LOAD_AWARE_SCORER_QUEUE_THRESHOLD: "0" };
    await expect(startServe(env, endpoints)).rejects.toThrow(
      /ended with 78:[\s\S]*LOAD_AWARE_SCORER_QUEUE_THRESHOLD is "0"; it must be a whole number of at least 1/,
    );
  });

  it("names the variable of a value that a plugin refuses", async () => {
    const env = { ENABLE_PREFIX_AWARE_SCORER: "true", PREFIX_SCORER_BLOCK_SIZE: "262145" };
    await expect(startServe(env, endpoints)).rejects.toThrow(
      /POINTSMAN_PLUGIN_CONFIG_INVALID[\s\S]*the environment:\d+:\d+[\s\S]*variable +PREFIX_SCORER_BLOCK_SIZE/,
    );
  });

  it("lets a written configuration win, and lists the variables that it ignores", async () => {
    const text = "{apiVersion: llm-d.ai/v1alpha1, kind: EndpointPickerConfig, plugins: [{type: queue-scorer}]}";
    const env = { ENABLE_LOAD_AWARE_SCORER: "true", LOAD_AWARE_SCORER_WEIGHT: "2", HF_TOKEN: "hf_not_to_be_seen" };
    const serve = await startServe(env, endpoints, [`--config-text=${text}`]);
    expect(logged(serve, "POINTSMAN_ENV_IGNORED")).toEqual([
      "Environment variables have no effect: the configuration is --config-text, which wins. Ignored: ENABLE_LOAD_AWARE_SCORER, LOAD_AWARE_SCORER_WEIGHT.",
    ]);
    expect(serve.output()).not.toContain("load-aware-scorer");
  });
});

describe("pointsman env", () => {
  it("prints YAML that serves as --config-text, each line with its variable", async () => {
    const env = { ENABLE_LOAD_AWARE_SCORER: "true", LOAD_AWARE_SCORER_WEIGHT: "2" };
    const { code, stdout, stderr } = await runPointsman(["env"], env);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^ {8}weight: 2 +# LOAD_AWARE_SCORER_WEIGHT$/m);
    const serve = await startServe({}, endpoints, [`--config-text=${stdout}`]);
    expect(await routed(serve)).toBe("127.0.0.1:9");
    expect(serve.output()).toContain("load-aware-scorer");
  });

  it("warns of misspelt variables, with the nearest known name", async () => {
    const { code, stdout, stderr } = await runPointsman(["env"], { ENABLE_PREFX_AWARE_SCORER: "true" });
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toMatch(/ENABLE_PREFX_AWARE_SCORER is not known[\s\S]*did you mean +ENABLE_PREFIX_AWARE_SCORER/);
    expect(stderr).toContain("No variable switches anything on: the built-in default is used.");
  });

  it("ends with 78 when a variable is out of range", async () => {
    const { code, stderr } = await runPointsman(["env"], { PD_ENABLED: "1", PD_PROMPT_LEN_THRESHOLD: "-1" });
    expect(code).toBe(78);
    expect(stderr).toContain('PD_PROMPT_LEN_THRESHOLD is "-1"');
  });
});
