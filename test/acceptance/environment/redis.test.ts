import { createExtProcClient } from "@pointsman/ext-proc";
import { sha256ChunkHashes } from "@pointsman/kv-cache";
import { estimateTokens } from "@pointsman/tokenization";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithRedis, type RedisServer, startRedis } from "../../../packages/kv-cache/test/redis/redis-server.ts";
import { forwarded } from "../harness/expectations.ts";
import { listenOnLoopback } from "../harness/listen-on-loopback.ts";
import { BODY, plain } from "../harness/notation.ts";
import { replay } from "../harness/replay.ts";
import { runPointsman, type ServeProcess, startServe } from "../harness/serve-process.ts";

const PASSWORD = "redis-password-not-to-be-seen";
const TOKEN = "hf_not_to_be_seen_anywhere";

const role = (value: string) => ({ labels: { "llm-d.ai/role": value } });
/** One port on four addresses, where somebody listens but knows no page: who refuses connections gets no requests. */
const pods = await listenOnLoopback(4);
const { port } = pods;
const endpoints = [
  { name: "d1", address: "127.0.0.1", port: `${port}`, ...role("decode") },
  { name: "d2", address: "127.0.0.2", port: `${port}`, ...role("decode") },
  { name: "p1", address: "127.0.0.3", port: `${port}`, ...role("prefill") },
  { name: "p2", address: "127.0.0.4", port: `${port}`, ...role("prefill") },
];
afterAll(() => pods.close());

/** Two chunks of 256 estimated tokens of 4 bytes. */
const prompt = (letter: string) => letter.repeat(2 * 1_024);

async function routed({ ports }: ServeProcess, text: string, headers: Record<string, string> = {}) {
  const client = createExtProcClient({ address: `127.0.0.1:${ports.grpc}` });
  try {
    const sent = new Map(forwarded(await replay(client, plain(BODY("m", text), headers))).headers);
    return [sent.get("x-gateway-destination-endpoint"), sent.get("x-prefiller-host-port")];
  } finally {
    client.close();
  }
}

describeWithRedis("serve with variables and a real Redis", () => {
  let decodeRedis: RedisServer;
  let prefillRedis: RedisServer;
  beforeAll(async () => {
    [decodeRedis, prefillRedis] = await Promise.all([
      startRedis({ args: ["--requirepass", PASSWORD], cliArgs: ["--no-auth-warning", "-a", PASSWORD] }),
      startRedis(),
    ]);
  });
  afterAll(async () => {
    await decodeRedis.close();
    await prefillRedis.close();
  });

  /** Writes into the index what the engines' side of that time wrote. */
  const hold = (redis: RedisServer, pod: string, text: string) => {
    const tokens = estimateTokens([Buffer.from(`"${text}"`)]);
    for (const hash of sha256ChunkHashes(tokens)) redis.cli("hset", `m@${hash}`, `${pod}:${port}`, "1747000000");
  };

  it("starts with the original example, and routes by sessions and by the index of each side", async () => {
    const env = {
      PD_ENABLED: "true",
      PD_PROMPT_LEN_THRESHOLD: "10",
      ENABLE_SESSION_AWARE_SCORER: "true",
      SESSION_AWARE_SCORER_WEIGHT: "3",
      ENABLE_KVCACHE_AWARE_SCORER: "true",
      KVCACHE_INDEXER_REDIS_ADDR: `redis://:${PASSWORD}@127.0.0.1:${decodeRedis.port}`,
      PREFILL_ENABLE_SESSION_AWARE_SCORER: "true",
      PREFILL_SESSION_AWARE_SCORER_WEIGHT: "1",
      PREFILL_ENABLE_KVCACHE_AWARE_SCORER: "true",
      PREFILL_KVCACHE_AWARE_SCORER_WEIGHT: "2",
      PREFILL_KVCACHE_INDEXER_REDIS_ADDR: `127.0.0.1:${prefillRedis.port}`,
      HF_TOKEN: TOKEN,
    };
    const serve = await startServe(env, endpoints);
    for (const [letter, decode, prefill] of [
      ["a", "127.0.0.1", "127.0.0.4"],
      ["b", "127.0.0.2", "127.0.0.3"],
      ["c", "127.0.0.2", "127.0.0.4"],
    ] as const) {
      hold(decodeRedis, decode, prompt(letter));
      hold(prefillRedis, prefill, prompt(letter));
      await expect
        .poll(() => routed(serve, prompt(letter)), { timeout: 5_000 })
        .toEqual([`${decode}:${port}`, `${prefill}:${port}`]);
    }
    // The session weighs more than the index.
    const session = { "x-session-token": Buffer.from("default/d2").toString("base64") };
    expect(await routed(serve, prompt("a"), session)).toEqual([`127.0.0.2:${port}`, `127.0.0.4:${port}`]);
    expect(await serve.end()).toBe(0);
    const complaints = serve.output().match(/.*"level":"(?:warn|error)".*/g) ?? [];
    // They are no model servers.
    expect(complaints.filter((line) => !line.includes('"scraping fails"'))).toEqual([
      expect.stringContaining("KVCACHE_INDEXER_TOKENIZER is not set: the tokens of prompts are estimated"),
    ]);
  });

  it("starts with the prefill half of the example alone: without PD_ENABLED it has no effect, which is said", async () => {
    const env = {
      PREFILL_ENABLE_SESSION_AWARE_SCORER: "true",
      PREFILL_SESSION_AWARE_SCORER_WEIGHT: "1",
      PREFILL_ENABLE_KVCACHE_AWARE_SCORER: "true",
      PREFILL_KVCACHE_AWARE_SCORER_WEIGHT: "2",
      PREFILL_KVCACHE_INDEXER_REDIS_ADDR: `127.0.0.1:${prefillRedis.port}`,
      HF_TOKEN: TOKEN,
    };
    const serve = await startServe(env, endpoints);
    const [destination, prefiller] = await routed(serve, prompt("a"));
    expect(destination).toMatch(new RegExp(`^127\\.0\\.0\\.[12]:${port}$`));
    expect(prefiller).toBeUndefined();
    expect(serve.output()).toContain("PREFILL_ENABLE_KVCACHE_AWARE_SCORER has no effect: PD_ENABLED is not true.");
  });

  it("goes on routing while Redis hangs, counts it, and uses it again when it answers", async () => {
    const env = {
      ENABLE_KVCACHE_AWARE_SCORER: "true",
      KVCACHE_INDEXER_REDIS_ADDR: `127.0.0.1:${prefillRedis.port}`,
      HF_TOKEN: TOKEN,
    };
    const serve = await startServe(env, endpoints);
    hold(prefillRedis, "127.0.0.2", prompt("h"));
    const toHolder = async () => (await routed(serve, prompt("h")))[0] === `127.0.0.2:${port}`;
    await expect.poll(toHolder, { timeout: 5_000 }).toBe(true);
    prefillRedis.kill("SIGSTOP");
    const destinations = new Set<string | undefined>();
    for (let i = 0; i < 40; i += 1) destinations.add((await routed(serve, prompt("h"), { "x-request-id": `${i}` }))[0]);
    expect([...destinations].sort()).toEqual([`127.0.0.1:${port}`, `127.0.0.2:${port}`]);
    const metrics = await (await fetch(`http://127.0.0.1:${serve.ports.metrics}/metrics`)).text();
    expect(metrics).toMatch(/^llm_d_epp_kv_cache_index_lookup_failures_total\{.*reason="late".*\} [1-9]/m);
    expect(metrics).toMatch(/^llm_d_epp_kv_cache_index_circuit_open\{.*\} (?:1|0\.5)$/m);
    prefillRedis.kill("SIGCONT");
    await expect
      .poll(async () => (await Promise.all([1, 2, 3, 4, 5].map(toHolder))).every(Boolean), { timeout: 30_000 })
      .toBe(true);
  });

  it("F27 shows neither HF_TOKEN nor the password: in no log line, dump, report or error", async () => {
    const env = {
      ENABLE_KVCACHE_AWARE_SCORER: "true",
      KVCACHE_INDEXER_REDIS_ADDR: `redis://:${PASSWORD}@127.0.0.1:${decodeRedis.port}`,
      HF_TOKEN: TOKEN,
    };
    const shown: string[] = [];
    const serve = await startServe(env, endpoints, ["--config-reload=true"]);
    await routed(serve, prompt("a"), { "x-request-id": "f27" });
    const pages = ["plugins", "pool", "decisions", "decisions/f27"].map((page) => `${serve.ports.admin}/debug/${page}`);
    for (const page of [...pages, `${serve.ports.metrics}/metrics`]) {
      const answer = await fetch(`http://127.0.0.1:${page}`);
      shown.push(await answer.text());
    }
    await serve.end();
    shown.push(serve.output());
    for (const args of [["env"], ["check"], ["check", "--format=json"], ["check", "--load", "--format=json"]]) {
      const { stdout, stderr } = await runPointsman(args, env);
      shown.push(stdout, stderr);
    }
    // Wrong in every way: a refused password, and an address that is none.
    const wrongPassword = `${PASSWORD}-wrong`;
    const refused = { ...env, KVCACHE_INDEXER_REDIS_ADDR: `redis://:${wrongPassword}@127.0.0.1:${decodeRedis.port}` };
    const unreachable = await startServe(refused, endpoints);
    await routed(unreachable, prompt("a"));
    await expect.poll(() => unreachable.output(), { timeout: 5_000 }).toContain("WRONGPASS");
    await unreachable.end();
    shown.push(unreachable.output());
    const { stdout, stderr } = await runPointsman(["env"], {
      ...env,
      KVCACHE_INDEXER_REDIS_ADDR: `http://${PASSWORD}@h`,
    });
    shown.push(stdout, stderr);
    expect(shown.join("").length).toBeGreaterThan(5_000);
    expect(shown.filter((text) => text.includes(TOKEN) || text.includes(PASSWORD))).toEqual([]);
    expect(shown.join("")).toContain("redis://********@127.0.0.1");
  });
});
