import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { subsetFromHeader } from "./harness/bootstrap.ts";
import { describeWithEnvoy } from "./harness/describe-with-envoy.ts";
import { freePort } from "./harness/free-port.ts";
import { type HeaderFields, open, post, read } from "./harness/http.ts";
import { addressOf, MODEL, type PoolMember, type Stack, startStack } from "./harness/stack.ts";

/** The session decides; no metrics are read, so that nobody notices who refuses connections. */
const configFor = (endpoints: number) => `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: session-affinity-scorer
  - type: active-request-scorer
  # The default detector reads metrics.
  - type: concurrency-detector
  - type: max-score-picker
    parameters: { maxNumOfEndpoints: ${endpoints} }
schedulingProfiles:
  - name: default
    plugins:
      - { pluginRef: session-affinity-scorer, weight: 10 }
      - { pluginRef: active-request-scorer }
      - { pluginRef: max-score-picker }
saturationDetector: { pluginRef: concurrency-detector }
dataLayer: { injectDefaults: false }
`;

const TIMEOUT = "1.5s";

/** The token with which a client asks for an endpoint. */
const tokenOf = (name: string): string => Buffer.from(`default/${name}`).toString("base64");
const asking = (name: string, id: string): HeaderFields => ({ "x-session-token": tokenOf(name), "x-request-id": id });

async function nobodyAt(name: string): Promise<PoolMember> {
  return { name, address: `127.0.0.1:${await freePort()}` };
}

describeWithEnvoy("what was picked and what served, with a list of two", () => {
  let stack: Stack;
  let url: string;
  /** Known to picker and Envoy; refuses connections. */
  let refuser: PoolMember;
  /** Known to the picker alone. */
  let ghost: PoolMember;
  beforeAll(async () => {
    refuser = await nobodyAt("refuser");
    ghost = await nobodyAt("ghost");
    stack = await startStack({
      bootstrap: "override-host",
      config: configFor(2),
      sims: 1,
      strangers: [refuser, ghost],
      edit: (bootstrap, sims) => {
        bootstrap.insertBeforeExtProc(subsetFromHeader);
        bootstrap.setHosts([addressOf(sims[0]!), refuser.address]);
        bootstrap.setRouteTimeout(TIMEOUT);
      },
    });
    url = `${stack.url}/v1/chat/completions`;
  });
  afterEach(() => stack.expectIdle());
  afterAll(() => stack?.close());

  const chat = (fields: object = {}) => ({ model: MODEL, messages: [{ role: "user", content: "Hello" }], ...fields });
  const only = (...members: readonly PoolMember[]): HeaderFields => ({
    "x-test-subset": members.map(({ address }) => address).join(","),
  });
  const sim = (): PoolMember => stack.members.at(-1)!;

  it("agree while all is well, and the token names the server", async () => {
    const id = randomUUID();
    const answer = await post(url, chat(), asking("sim-0", id));
    expect(answer.headers.get("x-session-token")).toBe(tokenOf("sim-0"));
    expect(await stack.decided(id)).toMatchObject({
      served: sim().address,
      decision: { picked: [sim().address, expect.any(String)] },
    });
    expect((await stack.envoy.logged(id)).attempts).toBe(1);
  });

  it("differ when the first host refuses: the second serves, and everything follows it", async () => {
    const id = randomUUID();
    const body = chat({ stream: true, ignore_eos: true, max_tokens: 100_000 });
    const abort = new AbortController();
    const response = await open(url, body, { ...asking("refuser", id), ...only(refuser, sim()) }, abort.signal);
    expect(response.status).toBe(200);
    expect(response.headers.get("x-session-token")).toBe(tokenOf("sim-0"));
    expect(stack.inFlight()).toEqual({ refuser: 0, ghost: 0, "sim-0": 1 });
    abort.abort();
    expect(await stack.decided(id)).toMatchObject({
      served: sim().address,
      status: 200,
      decision: { picked: [refuser.address, sim().address] },
    });
    expect((await stack.envoy.logged(id)).attempts).toBe(2);
    await stack.expectIdle();
  });

  it("differ when Envoy does not know the first host", async () => {
    const id = randomUUID();
    const answer = await post(url, chat(), { ...asking("ghost", id), ...only(ghost, sim()) });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-session-token")).toBe(tokenOf("sim-0"));
    expect(await stack.decided(id)).toMatchObject({
      served: sim().address,
      decision: { picked: [ghost.address, sim().address] },
    });
  });

  it("differ when Envoy falls back to a host that was not picked at all", async () => {
    await stack.setPool([ghost, sim()]);
    try {
      // Nobody that was picked is known to Envoy; its fallback policy tries what it has.
      let served: string | null = null;
      for (let i = 0; i < 20 && served === null; i += 1) {
        const id = randomUUID();
        const answer = await post(url, chat(), { ...asking("ghost", id), ...only(ghost) });
        const decision = await stack.decided(id);
        expect(decision.decision?.picked).toEqual([ghost.address]);
        expect(answer.headers.get("x-session-token")).toBe(decision.served === null ? null : tokenOf("sim-0"));
        served = decision.served;
      }
      expect(served).toBe(sim().address);
    } finally {
      await stack.setPool(stack.members);
    }
  });

  it("hold for no session when a model server answers with an error: it did serve", async () => {
    stack.sims[0]!.setFailure({ mode: "status", status: 500, count: 1 });
    const id = randomUUID();
    const answer = await post(url, chat(), asking("sim-0", id));
    expect(answer.status).toBe(500);
    expect(await stack.decided(id)).toMatchObject({ served: sim().address, status: 500 });
  });

  it("end with an answer that breaks off", async () => {
    stack.sims[0]!.setFailure({ mode: "reset-mid-stream", count: 1 });
    const id = randomUUID();
    const response = await open(url, chat({ stream: true }), asking("sim-0", id));
    await expect(read(response)).rejects.toThrow();
    expect(await stack.decided(id)).toMatchObject({ served: sim().address, status: 200, outcome: "unknown" });
  });

  it("are nobody when the connection breaks before the answer: the request is not tried again", async () => {
    stack.sims[0]!.setFailure({ mode: "reset-before-headers", count: 1 });
    const id = randomUUID();
    const answer = await post(url, chat(), asking("sim-0", id));
    expect([502, 503]).toContain(answer.status);
    expect(answer.headers.get("x-session-token")).toBeNull();
    expect(await stack.decided(id)).toMatchObject({ served: null, outcome: "unrouted" });
    expect((await stack.envoy.logged(id)).attempts).toBe(1);
  });

  it("are nobody when the answer does not begin in time: Envoy's own 504 carries no token", async () => {
    stack.sims[0]!.setFailure({ mode: "hang", count: 1 });
    const id = randomUUID();
    const answer = await post(url, chat(), asking("sim-0", id));
    expect(answer.status).toBe(504);
    expect(answer.headers.get("x-session-token")).toBeNull();
    expect(await stack.decided(id)).toMatchObject({ served: null, status: 504, outcome: "unrouted" });
  });

  it("end with an answer that takes too long", async () => {
    const id = randomUUID();
    const response = await open(
      url,
      chat({ stream: true, ignore_eos: true, max_tokens: 100_000 }),
      asking("sim-0", id),
    );
    await expect(read(response)).rejects.toThrow();
    expect(await stack.decided(id)).toMatchObject({ served: sim().address, status: 200, outcome: "unknown" });
  });

  it("are nobody when all hosts refuse: Envoy's own 503 carries no token and leaves no record of a server", async () => {
    await stack.sims[0]!.close();
    const id = randomUUID();
    const answer = await post(url, chat(), { ...asking("sim-0", id), ...only(refuser, sim()) });
    expect(answer.status).toBe(503);
    expect(answer.headers.get("x-session-token")).toBeNull();
    expect(await stack.decided(id)).toMatchObject({ served: null, status: 503, outcome: "unrouted" });
    const { attempts, details } = await stack.envoy.logged(id);
    expect(attempts).toBe(3);
    expect(details).toContain("upstream_reset_before_response_started");
  });
});

describeWithEnvoy("what was picked and what served, with ORIGINAL_DST", () => {
  let stack: Stack;
  let refuser: PoolMember;
  beforeAll(async () => {
    refuser = await nobodyAt("refuser");
    stack = await startStack({
      bootstrap: "original-dst",
      config: configFor(1),
      sims: 1,
      strangers: [refuser],
      edit: (bootstrap) => bootstrap.setRouteTimeout(TIMEOUT),
    });
  });
  afterEach(() => stack.expectIdle());
  afterAll(() => stack?.close());

  it("agree, and the token names the server", async () => {
    const answer = await post(`${stack.url}/v1/completions`, { model: MODEL, prompt: "x" }, asking("sim-0", "od-1"));
    expect(answer.headers.get("x-session-token")).toBe(tokenOf("sim-0"));
    expect(await stack.decided("od-1")).toMatchObject({ served: stack.members[1]!.address });
  });

  it("are nobody when the host refuses: Envoy's own 503 carries no token", async () => {
    const answer = await post(`${stack.url}/v1/completions`, { model: MODEL, prompt: "x" }, asking("refuser", "od-2"));
    expect(answer.status).toBe(503);
    expect(answer.headers.get("x-session-token")).toBeNull();
    expect(await stack.decided("od-2")).toMatchObject({ served: null, status: 503, outcome: "unrouted" });
  });

  it("are nobody when the answer does not begin in time: Envoy's own 504 carries no token", async () => {
    stack.sims[0]!.setFailure({ mode: "hang", count: 1 });
    const id = randomUUID();
    const answer = await post(`${stack.url}/v1/completions`, { model: MODEL, prompt: "x" }, asking("sim-0", id));
    expect(answer.status).toBe(504);
    expect(answer.headers.get("x-session-token")).toBeNull();
    expect(await stack.decided(id)).toMatchObject({ served: null, status: 504, outcome: "unrouted" });
  });
});

describeWithEnvoy("a list of two with ORIGINAL_DST", () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ bootstrap: "original-dst", config: configFor(2) });
  });
  afterEach(() => stack.expectIdle());
  afterAll(() => stack?.close());

  it("is no address: 503, and nobody served", async () => {
    const answer = await post(`${stack.url}/v1/completions`, { model: MODEL, prompt: "x" }, asking("sim-0", "od-3"));
    expect(answer.status).toBe(503);
    expect(answer.text).toBe("no healthy upstream");
    expect(answer.headers.get("x-session-token")).toBeNull();
    expect(await stack.decided("od-3")).toMatchObject({ served: null, outcome: "unrouted" });
    expect(await stack.envoy.stat("cluster.pool_original_dst.original_dst_host_invalid")).toBe(1);
  });
});
