import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { createModelSim } from "../src/index.ts";
import { forever, post, startSim, until } from "./start-sim.ts";

const chat = { model: "m", messages: [{ role: "user", content: "hello" }] };

describe("bad requests get an error that says what is wrong", () => {
  it.each([
    ["/v1/chat/completions", "", 400, "empty"],
    ["/v1/chat/completions", "{", 400, "not valid JSON"],
    ["/v1/chat/completions", "[]", 400, "must be a JSON object"],
    ["/v1/chat/completions", { messages: chat.messages }, 400, "`model` is required"],
    ["/v1/chat/completions", { ...chat, model: 5 }, 400, "`model` must be a string"],
    ["/v1/chat/completions", { ...chat, model: "other" }, 404, "`other` does not exist"],
    ["/v1/chat/completions", { model: "m" }, 400, "`messages` is required"],
    ["/v1/chat/completions", { model: "m", messages: [] }, 400, "`messages` must be a list"],
    ["/v1/chat/completions", { model: "m", messages: [{ content: "x" }] }, 400, "`messages[0].role`"],
    ["/v1/chat/completions", { model: "m", messages: [{ role: "user", content: 7 }] }, 400, "`messages[0].content`"],
    ["/v1/chat/completions", { ...chat, stream: "yes" }, 400, "`stream` must be true or false"],
    ["/v1/chat/completions", { ...chat, stream_options: {} }, 400, "only with `stream: true`"],
    ["/v1/chat/completions", { ...chat, max_tokens: 0 }, 400, "`max_tokens` must be an integer from 1"],
    ["/v1/chat/completions", { ...chat, n: 1.5 }, 400, "`n` must be"],
    ["/v1/completions", { model: "m", prompt: [1, -1] }, 400, "`prompt[1]` must be a token id"],
    ["/v1/completions", { model: "m", prompt: "" }, 400, "`prompt` must be"],
    ["/v1/embeddings", { model: "m", input: {} }, 400, "`input` must be"],
    ["/v1/responses", { model: "m", input: [3] }, 400, "`input[0]` must be an object"],
    ["/v1/messages", { ...chat }, 400, "`max_tokens` is required"],
    ["/inference/v1/generate", { token_ids: "abc" }, 400, "`token_ids` must be"],
    ["/v1/audio/transcriptions", { model: "m" }, 400, "multipart/form-data"],
    ["/tokenize", { prompt: 3 }, 400, "`prompt` must be a string"],
    ["/v1/unknown", chat, 404, "no route /v1/unknown"],
    ["/v1/models", chat, 405, "/v1/models is asked by GET"],
  ])("%s %j -> %i", async (path, body, status, message) => {
    const sim = await startSim();
    const answer = await post(sim, path, body);
    expect(answer.status).toBe(status);
    const { error } = (await answer.json()) as { error: { message: string; code: number } };
    expect(error.message).toContain(message);
    if (path !== "/v1/messages") expect(error.code).toBe(status);
    expect(sim.state()).toMatchObject({ served: 0, running: 0, waiting: 0, kvUsage: 0 });
  });

  it("413 for a body over the limit, with and without a length, and the connection goes on", async () => {
    const sim = await startSim({ maxBodyMb: 1 });
    const large = "x".repeat(3 * 1024 * 1024);
    expect((await post(sim, "/v1/completions", { model: "m", prompt: large })).status).toBe(413);
    const chunked = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 30; i++) controller.enqueue(new TextEncoder().encode(large.slice(0, 100_000)));
        controller.close();
      },
    });
    const init = { method: "POST", body: chunked, duplex: "half" } as RequestInit;
    expect((await fetch(`${sim.url}/v1/completions`, init)).status).toBe(413);
    expect((await post(sim, "/v1/completions", { model: "m", prompt: "x" })).status).toBe(200);
  });

  it("400 for a prompt that leaves no room in the model's length", async () => {
    const sim = await startSim({ maxModelLen: 10 });
    const tooLong = await post(sim, "/v1/completions", { model: "m", prompt: "x".repeat(40) });
    expect(tooLong.status).toBe(400);
    const fits = await post(sim, "/v1/completions", { model: "m", prompt: "x".repeat(32) });
    expect(await fits.json()).toMatchObject({ choices: [{ finish_reason: "length" }], usage: { total_tokens: 10 } });
  });
});

describe("the server", () => {
  it("says who answered, sets no cookie, and ends at the asked number of tokens with ignore_eos", async () => {
    const sim = await startSim({ name: "pod-3" });
    const answer = await post(sim, "/v1/chat/completions?x=1", { ...chat, max_tokens: 40, ignore_eos: true });
    expect([answer.headers.get("x-sim-server"), answer.headers.get("set-cookie")]).toEqual(["pod-3", null]);
    expect(await answer.json()).toMatchObject({
      usage: { completion_tokens: 40 },
      choices: [{ finish_reason: "length" }],
    });
  });

  it("answers the same prompt with the same text for the same seed only", async () => {
    const textOf = async (seed: number): Promise<unknown> => {
      const sim = await startSim({ seed });
      return ((await (await post(sim, "/v1/chat/completions", chat)).json()) as { choices: unknown }).choices;
    };
    expect(await textOf(1)).toEqual(await textOf(1));
    expect(await textOf(1)).not.toEqual(await textOf(2));
  });

  it("takes bodies of tens of megabytes", async () => {
    const sim = await startSim();
    const prompt = "y".repeat(24 * 1024 * 1024);
    const answer = await post(sim, "/v1/completions", { model: "m", prompt });
    expect(await answer.json()).toMatchObject({ usage: { prompt_tokens: 6 * 1024 * 1024 } });
  });

  it("takes token ids and gives token ids, and tokenizes as it counts", async () => {
    const sim = await startSim({ outputTokens: 2 });
    const { tokens, count } = (await (await post(sim, "/tokenize", { prompt: "abcdefghi" })).json()) as {
      tokens: number[];
      count: number;
    };
    expect([tokens[0], count]).toEqual([0x64636261, 3]);
    const long = Array.from({ length: 40 }, (_, i) => i);
    const body = { token_ids: long, sampling_params: { max_tokens: 2 } };
    const generated = (await (await post(sim, "/inference/v1/generate", body)).json()) as {
      choices: { token_ids: number[] }[];
    };
    expect(generated.choices[0]!.token_ids).toHaveLength(2);
    const streamed = await (await post(sim, "/inference/v1/generate", { ...body, stream: true })).text();
    expect(streamed).toContain(`"token_ids":[${generated.choices[0]!.token_ids[1]}]`);
    expect(streamed).toContain('"cached_tokens":32');
    expect(streamed.endsWith("data: [DONE]\n\n")).toBe(true);
  });

  it("sends the headers of a stream before the first token, and each token as it comes", async () => {
    const sim = await startSim({ interTokenMs: forever });
    const abort = new AbortController();
    const answer = await post(
      sim,
      "/v1/completions",
      { model: "m", prompt: "x", stream: true },
      { signal: abort.signal },
    );
    const { value } = await answer.body!.getReader().read();
    expect(new TextDecoder().decode(value).match(/data: /g)).toHaveLength(1);
    expect(sim.state().requests[0]).toMatchObject({ outcome: "pending", outputTokens: 1 });
    abort.abort();
    await until(() => sim.state().running === 0);
    expect(sim.state()).toMatchObject({ aborted: 1, served: 0, kvUsage: 0 });
    expect(sim.state().requests[0]!.outcome).toBe("aborted");
  });

  it("frees everything when clients leave, whether they wait, compute or still send", async () => {
    const sim = await startSim({ ttftMs: forever, maxNumSeqs: 1 });
    const abort = new AbortController();
    const gone = [1, 2, 3].map(() =>
      post(sim, "/v1/chat/completions", chat, { signal: abort.signal }).catch(() => "gone"),
    );
    await until(() => sim.state().waiting === 2);
    expect(sim.state().running).toBe(1);
    abort.abort();
    expect(await Promise.all(gone)).toEqual(["gone", "gone", "gone"]);
    const half = connect(sim.port, sim.host);
    half.write("POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{");
    await until(() => sim.state().requests.length === 4);
    half.destroy();
    await until(() => sim.state().aborted === 4);
    expect(sim.state()).toMatchObject({ running: 0, waiting: 0, kvUsage: 0, cachedBlocks: 0 });
  });

  it("asks for the body of a request with Expect, but not for one that is too long", async () => {
    const sim = await startSim({ maxBodyMb: 1 });
    const send = (length: number): Promise<[boolean, number]> =>
      new Promise((resolve, reject) => {
        let continued = false;
        const headers = { expect: "100-continue", "content-length": length };
        const request = httpRequest(`${sim.url}/v1/completions`, { method: "POST", headers });
        request.on("continue", () => {
          continued = true;
          request.end('{"model":"m","prompt":"x"}'.padEnd(length));
        });
        request.on("response", (response) => {
          response.resume();
          request.destroy();
          resolve([continued, response.statusCode!]);
        });
        request.on("error", reject);
        request.flushHeaders();
      });
    expect(await send(100)).toEqual([true, 200]);
    expect(await send(2 * 1024 * 1024)).toEqual([false, 413]);
  });

  it("remembers the latest requests, with headers but without credentials", async () => {
    const sim = await startSim({ requestLog: 2, name: "pod-1" });
    for (const id of ["r1", "r2", "r3"]) {
      await post(sim, "/v1/chat/completions", chat, {
        headers: { "x-request-id": id, authorization: "Bearer secret" },
      });
    }
    const state = (await (await fetch(`${sim.url}/sim/state`)).json()) as ReturnType<typeof sim.state>;
    expect(state.requests.map(({ id, outcome, status }) => [id, outcome, status])).toEqual([
      ["r2", "served", 200],
      ["r3", "served", 200],
    ]);
    expect(state.requests[1]).toMatchObject({
      path: "/v1/chat/completions",
      model: "m",
      stream: false,
      outputTokens: 16,
    });
    expect(state.requests[1]!.headers).toMatchObject({ "content-type": "application/json", authorization: "[masked]" });
    expect(JSON.stringify(state)).not.toContain("secret");
  });

  it("closes with requests in flight and can be closed twice; a drain lets them finish", async () => {
    const stuck = await createModelSim({ ttftMs: forever, models: ["m"] });
    const gone = post(stuck, "/v1/chat/completions", chat).catch(() => "gone");
    await until(() => stuck.state().running === 1);
    await stuck.close();
    await stuck.close();
    expect(await gone).toBe("gone");

    const sim = await createModelSim({ ttftMs: 100, models: ["m"] });
    const answer = post(sim, "/v1/chat/completions", chat);
    await until(() => sim.state().requests.length === 1);
    await sim.drain(forever);
    expect((await answer).status).toBe(200);
    await expect(fetch(`${sim.url}/health`)).rejects.toThrow();
  });

  it("reports a port that is taken by the code of the error", async () => {
    const sim = await startSim();
    await expect(createModelSim({ port: sim.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});
