import { describe, expect, it } from "vitest";
import type { ModelSim } from "../src/index.ts";
import { post, startSim, until } from "./start-sim.ts";

const body = { model: "m", prompt: "x" };
const complete = (sim: ModelSim, more: object = {}, init: RequestInit = {}): Promise<Response> =>
  post(sim, "/v1/completions", { ...body, ...more }, init);

/** Reads until the end or until the connection breaks. */
async function readAll(answer: Response): Promise<{ text: string; broken: boolean }> {
  let text = "";
  try {
    for await (const chunk of answer.body!) text += new TextDecoder().decode(chunk);
    return { text, broken: false };
  } catch {
    return { text, broken: true };
  }
}

describe("failures on demand", () => {
  it("status: so many times, then all is well again", async () => {
    const sim = await startSim();
    const set = await post(sim, "/sim/failure", { mode: "status", status: 429, count: 2 });
    expect(await set.json()).toEqual({ failure: { mode: "status", status: 429, count: 2 } });
    const first = await complete(sim);
    expect(await first.json()).toMatchObject({ error: { code: 429, type: "RateLimitError" } });
    expect(sim.state().failure).toEqual({ mode: "status", status: 429, count: 1 });
    expect([(await complete(sim)).status, (await complete(sim)).status]).toEqual([429, 200]);
    expect(sim.state().requests.map(({ outcome }) => outcome)).toEqual(["failed", "failed", "served"]);
  });

  it("with a probability some requests fail, and the same ones for the same seed", async () => {
    const run = async (): Promise<number[]> => {
      const sim = await startSim({ seed: 5 });
      sim.setFailure({ mode: "status", probability: 0.5 });
      const statuses: number[] = [];
      for (let i = 0; i < 20; i++) statuses.push((await complete(sim)).status);
      return statuses;
    };
    const statuses = await run();
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    expect(await run()).toEqual(statuses);
  });

  it("the fail rate of the options concerns inference, not health or metrics", async () => {
    const sim = await startSim({ failRate: 1 });
    expect((await complete(sim)).status).toBe(500);
    expect([(await fetch(`${sim.url}/health`)).status, (await fetch(`${sim.url}/metrics`)).status]).toEqual([200, 200]);
  });

  it("reset-before-headers: no byte of an answer", async () => {
    const sim = await startSim();
    sim.setFailure({ mode: "reset-before-headers", count: 1 });
    await expect(complete(sim)).rejects.toThrow();
    expect((await complete(sim)).status).toBe(200);
  });

  it("reset-mid-stream: two tokens of a stream, half of a whole answer", async () => {
    for (const interTokenMs of [0, 1]) {
      const sim = await startSim({ interTokenMs });
      sim.setFailure({ mode: "reset-mid-stream" });
      const stream = await readAll(await complete(sim, { stream: true }));
      expect(stream.broken).toBe(true);
      expect(stream.text.match(/data: /g)).toHaveLength(2);
      const whole = await complete(sim);
      expect(whole.status).toBe(200);
      expect((await readAll(whole)).broken).toBe(true);
      await until(() => sim.state().running === 0);
      expect(sim.state()).toMatchObject({ served: 0, aborted: 0, kvUsage: 0 });
    }
  });

  it("hang: nothing until the client leaves", async () => {
    const sim = await startSim();
    sim.setFailure({ mode: "hang" });
    const abort = new AbortController();
    const answer = complete(sim, {}, { signal: abort.signal }).catch(() => "gone");
    await until(() => sim.state().requests[0]?.outcome === "failed");
    abort.abort();
    expect(await answer).toBe("gone");
  });

  it("slow: the delay is added to the time to the first token", async () => {
    const sim = await startSim();
    sim.setFailure({ mode: "slow", delayMs: 3_000_000 });
    const abort = new AbortController();
    const answer = await complete(sim, { stream: true }, { signal: abort.signal });
    expect(answer.status).toBe(200);
    expect(sim.state()).toMatchObject({ running: 1 });
    abort.abort();
  });

  it("garbage-sse: status 200 and nothing that parses", async () => {
    const sim = await startSim();
    sim.setFailure({ mode: "garbage-sse" });
    const stream = await complete(sim, { stream: true });
    expect(stream.headers.get("content-type")).toContain("text/event-stream");
    const lines = (await readAll(stream)).text.split("\n").filter((line) => line.startsWith("data: "));
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(() => JSON.parse(line.slice(6))).toThrow();
    await expect((await complete(sim)).json()).rejects.toThrow();
  });

  it("metrics-garbage, metrics-huge and metrics-hang concern the page only", async () => {
    const sim = await startSim();
    sim.setFailure({ mode: "metrics-garbage", count: 1 });
    expect(await (await fetch(`${sim.url}/metrics`)).text()).toContain("banana");
    sim.setFailure({ mode: "metrics-huge", count: 1 });
    let bytes = 0;
    for await (const chunk of (await fetch(`${sim.url}/metrics`)).body!) bytes += chunk.length;
    expect(bytes).toBeGreaterThanOrEqual(50 * 1024 * 1024);
    sim.setFailure({ mode: "metrics-hang", count: 1 });
    const abort = new AbortController();
    const page = fetch(`${sim.url}/metrics`, { signal: abort.signal }).catch(() => "gone");
    await until(() => sim.state().failure === undefined);
    expect((await complete(sim)).status).toBe(200);
    abort.abort();
    expect(await page).toBe("gone");
    expect((await fetch(`${sim.url}/metrics`)).status).toBe(200);
  });

  it.each([
    [{ mode: "explode" }, "mode"],
    [{}, "mode"],
    [{ mode: "status", status: 200 }, "status"],
    [{ mode: "status", probability: 2 }, "probability"],
    [{ mode: "status", cuont: 2 }, "cuont"],
  ])("refuses %j", async (failure, param) => {
    const sim = await startSim();
    const answer = await post(sim, "/sim/failure", failure);
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { param } }]);
    expect(() => sim.setFailure(failure as never)).toThrow(param);
  });
});
