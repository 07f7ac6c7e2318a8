import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { Bootstrap } from "./harness/bootstrap.ts";
import { subsetFromHeader } from "./harness/bootstrap.ts";
import { describeWithEnvoy } from "./harness/describe-with-envoy.ts";
import { eventsOf, get, open, post, postChunked, read } from "./harness/http.ts";
import { until } from "./harness/poll.ts";
import { addressOf, MODEL, type Stack, type StackOptions, startStack } from "./harness/stack.ts";

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: active-request-scorer
`;

interface Mode {
  readonly bootstrap: StackOptions["bootstrap"];
  readonly edit?: (bootstrap: Bootstrap) => void;
  /** The decision is made before the body is there. */
  readonly blind?: true;
  /** The picker sees whole answers without asking for them, and with them that they have ended. */
  readonly seesAnswers?: true;
  /** An answer does not begin before its end. */
  readonly buffersAnswers?: true;
}

const requestBody = (mode: string) => (bootstrap: Bootstrap) =>
  bootstrap.setExtProc(["processing_mode", "request_body_mode"], mode);
const responseBody = (mode: string) => (bootstrap: Bootstrap) =>
  bootstrap.setExtProc(["processing_mode", "response_body_mode"], mode);

const modes: Readonly<Record<string, Mode>> = {
  "override-host.yaml": { bootstrap: "override-host" },
  "override-host-fail-closed.yaml": { bootstrap: "override-host-fail-closed" },
  "prefill-decode.yaml": { bootstrap: "prefill-decode" },
  "original-dst.yaml": { bootstrap: "original-dst" },
  "full-duplex.yaml": { bootstrap: "full-duplex", seesAnswers: true },
  "override-host.yaml with request bodies STREAMED": {
    bootstrap: "override-host",
    edit: requestBody("STREAMED"),
    blind: true,
  },
  "override-host.yaml with request bodies NONE": { bootstrap: "override-host", edit: requestBody("NONE"), blind: true },
  "override-host.yaml with request bodies BUFFERED_PARTIAL": {
    bootstrap: "override-host",
    edit: requestBody("BUFFERED_PARTIAL"),
  },
  "override-host.yaml with answers STREAMED": {
    bootstrap: "override-host",
    edit: responseBody("STREAMED"),
    seesAnswers: true,
  },
  "override-host.yaml with answers BUFFERED": {
    bootstrap: "override-host",
    edit: responseBody("BUFFERED"),
    seesAnswers: true,
    buffersAnswers: true,
  },
};

for (const [name, mode] of Object.entries(modes)) {
  describeWithEnvoy(name, () => {
    let stack: Stack;
    let url: string;
    beforeAll(async () => {
      stack = await startStack({
        ...mode,
        config,
        edit: (bootstrap) => {
          bootstrap.insertBeforeExtProc(subsetFromHeader);
          mode.edit?.(bootstrap);
        },
      });
      url = `${stack.url}/v1/completions`;
    });
    afterEach(() => stack.expectIdle());
    afterAll(() => stack?.close());

    it("takes a request to the picked endpoint and its answer back", async () => {
      const id = randomUUID();
      const answer = await post(url, { model: MODEL, prompt: "Hello", max_tokens: 3 }, { "x-request-id": id });
      expect(answer.status, answer.text).toBe(200);
      expect(answer.json()).toMatchObject({ model: MODEL, usage: { completion_tokens: 3 } });
      expect(answer.headers.get("x-request-id")).toBe(id);
      const decision = await stack.decided(id);
      const sim = stack.sims.find((candidate) => candidate.name === answer.headers.get("x-sim-server"))!;
      expect(decision).toMatchObject({ served: addressOf(sim), status: 200 });
      expect(decision.decision?.picked[0]).toBe(addressOf(sim));
      expect(decision.outcome).toBe(mode.seesAnswers ? "ended" : "unknown");
      expect(decision.model).toBe(mode.blind ? "" : MODEL);
    });

    if (!mode.buffersAnswers) {
      it("hands on each chunk of a stream while the next is still to come", async () => {
        const body = { model: MODEL, prompt: "Hello", stream: true, max_tokens: 40, min_tokens: 40 };
        const response = await open(url, body);
        expect(response.headers.get("content-type")).toContain("text/event-stream");
        const reader = response.body!.getReader();
        const first = await reader.read();
        const producing = stack.sims.reduce((sum, sim) => sum + sim.state().running, 0);
        expect(producing).toBe(1);
        const chunks = [first.value!];
        for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value);
        const text = Buffer.concat(chunks).toString();
        expect(text).toMatch(/data: \[DONE\]\n\n$/);
        expect(eventsOf(text).length).toBeGreaterThanOrEqual(40);
        expect(chunks.length).toBeGreaterThan(5);
      });
    }

    it("carries a body of 4 MiB, with and without its length told", async () => {
      const text = JSON.stringify({ model: MODEL, prompt: "ab ".repeat(1_398_000), max_tokens: 1 });
      expect(text.length).toBeGreaterThan(4_194_000);
      for (const send of [post, postChunked]) {
        const id = randomUUID();
        const answer = await send(url, text, { "x-request-id": id });
        expect(answer.status, answer.text).toBe(200);
        const record = stack.sims.flatMap((sim) => sim.state().requests).find((request) => request.id === id);
        expect(record?.bodyBytes).toBe(text.length);
      }
    });

    it("loses no answer that is of no interest to the picker, however fast it comes", async () => {
      const body = { model: MODEL, messages: [{ role: "user", content: "Hello" }] };
      for (let round = 0; round < 10; round += 1) {
        const asked = Array.from({ length: 5 }, () => post(`${stack.url}/v1/messages/count_tokens`, body));
        for (const answer of await Promise.all(asked)) expect(answer.text).toMatch(/^\{"input_tokens":\d+\}$/);
      }
    });

    it("routes a request without a body", async () => {
      const answer = await get(`${stack.url}/v1/models`);
      expect(answer.json()).toMatchObject({ data: [{ id: MODEL }] });
    });

    it("keeps to the subset that the proxy names", async () => {
      for (const sim of [...stack.sims, ...stack.sims]) {
        const answer = await post(url, { model: MODEL, prompt: "x" }, { "x-test-subset": addressOf(sim) });
        expect(answer.headers.get("x-sim-server")).toBe(sim.name);
        const bodyless = await get(`${stack.url}/v1/models`, { "x-test-subset": addressOf(sim) });
        expect(bodyless.headers.get("x-sim-server")).toBe(sim.name);
      }
      const nobody = await post(url, { model: MODEL, prompt: "x" }, { "x-test-subset": "127.0.0.1:1, 10.0.0.1" });
      expect(nobody.status).toBe(503);
      expect(nobody.headers.get("x-llm-d-request-dropped-reason")).toBe("rejected-no-endpoints");
    });

    it("removes what clients say about routing, and what was said to the picker", async () => {
      const id = randomUUID();
      const spoofed = {
        "x-gateway-destination-endpoint": "127.0.0.1:1",
        "x-gateway-destination-endpoint-served": "127.0.0.1:1",
        "x-gateway-destination-endpoint-subset": "127.0.0.1:1",
        "x-prefiller-host-port": "127.0.0.1:1",
        "x-prefiller-url": "http://127.0.0.1:1",
        "x-encoder-hosts-ports": "127.0.0.1:1",
        "x-data-parallel-host-port": "127.0.0.1:1",
        "x-kv-cache-source-host-port": "127.0.0.1:1",
        "x-llm-d-inference-objective": "chat",
        "x-gateway-inference-objective": "chat",
        "x-llm-d-inference-fairness-id": "me",
        "x-gateway-inference-fairness-id": "me",
        "x-llm-d-slo-ttft-ms": "100",
        "epp-profile": "decode",
      };
      const answer = await post(
        url,
        { model: MODEL, prompt: "x" },
        { ...spoofed, "x-own": "kept", "x-request-id": id },
      );
      expect(answer.status, answer.text).toBe(200);
      const sim = stack.sims.find((candidate) => candidate.name === answer.headers.get("x-sim-server"))!;
      const { headers } = sim.state().requests.find((request) => request.id === id)!;
      expect(headers).toMatchObject({ "x-own": "kept", "x-gateway-destination-endpoint": addressOf(sim) });
      const { "x-gateway-destination-endpoint": _, ...others } = spoofed;
      expect(Object.keys(others).filter((header) => header in headers)).toEqual([]);
    });

    it("notices that a client leaves before the answer begins", async () => {
      for (const sim of stack.sims) sim.setFailure({ mode: "slow", delayMs: 60_000 });
      const id = randomUUID();
      const abort = new AbortController();
      const leaving = open(url, { model: MODEL, prompt: "x" }, { "x-request-id": id }, abort.signal);
      await until("the request to arrive", () => stack.sims.some((sim) => sim.state().running === 1));
      expect(Object.values(stack.inFlight()).sort()).toEqual([0, 1]);
      abort.abort();
      await expect(leaving).rejects.toThrow("aborted");
      for (const sim of stack.sims) sim.setFailure(undefined);
      expect(await stack.decided(id)).toMatchObject({ served: null, status: null, outcome: "unknown" });
      await until("the model server to stop", () => stack.sims.every((sim) => sim.state().running === 0));
    });

    it("notices that a client leaves within the answer", async () => {
      const id = randomUUID();
      const abort = new AbortController();
      const body = { model: MODEL, prompt: "x", stream: true, ignore_eos: true, max_tokens: 100_000 };
      const headers = { "x-request-id": id };
      const answer = open(url, body, headers, abort.signal);
      const failed = answer.catch(() => {});
      const requests = () => stack.sims.flatMap((sim) => sim.state().requests);
      await until("tokens", () => requests().some((request) => request.id === id && request.outputTokens > 1));
      if (!mode.buffersAnswers) await (await answer).body!.getReader().read();
      expect(Object.values(stack.inFlight()).sort()).toEqual([0, 1]);
      abort.abort();
      await failed;
      expect((await stack.decided(id)).outcome).toBe("unknown");
      await until("the model server to stop", () => stack.sims.every((sim) => sim.state().running === 0));
    });

    it("keeps requests that share an id apart", async () => {
      const id = randomUUID();
      const body = { model: MODEL, prompt: "x", stream: true, max_tokens: 10 };
      const responses = await Promise.all(Array.from({ length: 20 }, () => open(url, body, { "x-request-id": id })));
      const answers = await Promise.all(responses.map(read));
      expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
      await stack.expectIdle();
      const records = stack.epp.decisions.find(id);
      expect(records).toHaveLength(20);
      const picked = records.map(({ served }) => served);
      for (const sim of stack.sims) expect(picked).toContain(addressOf(sim));
    });
  });
}
