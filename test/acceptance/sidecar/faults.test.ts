import { createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { hang, inTurn, json, prefillAnswer, type Reply, sse, startBackend, text } from "./harness/backend.ts";
import { CHAT, type Rig, sample, startRig, until } from "./harness/rig.ts";

const P = "x-prefiller-host-port";
const NOTHING = { waiting: 0, decodes: 0, prefills: 0, bufferedBytes: 0 };
const LIMITS = ["--max-concurrent-decodes=4", "--max-concurrent-prefills=4"];

/** Nothing may stay behind, whatever happened. */
async function expectNothingHeld(rig: Rig): Promise<void> {
  await until(() =>
    Object.entries(NOTHING).every(([name, level]) => rig.sidecar.levels()[name as "waiting"] === level),
  );
}

const sockets: (() => void)[] = [];
afterEach(() => {
  for (const close of sockets.splice(0)) close();
});

/** A server that writes these bytes to whoever connects, and closes or stays. */
async function rawServer(bytes: string, close: boolean): Promise<string> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write(bytes);
      if (close) socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  sockets.push(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

describe("a prefill server that fails", () => {
  it("is followed by the next one that the router named, and only then by the decode server alone", async () => {
    const rig = await startRig(LIMITS, { prefill: text("no", 500) });
    const other = await startBackend(prefillAnswer());
    const headers = { [P]: `127.0.0.1:1,${rig.prefill.address},${other.address}` };
    expect((await rig.ask({ headers })).status).toBe(200);
    expect([rig.prefill.seen.length, other.seen.length]).toEqual([1, 1]);
    expect(rig.decode.last.json).toHaveProperty("kv_transfer_params");
    expect(await sample(rig.sidecar, "llm_d_sidecar_prefill_next_server_total")).toBe(2);
    other.reply = text("no", 503);
    expect((await rig.ask({ headers })).status).toBe(200);
    expect(rig.decode.last.json).toEqual(CHAT);
    await expectNothingHeld(rig);
  });

  it("is the client's fault where it says so: 4xx goes to the client, and nobody else is asked", async () => {
    const rig = await startRig(LIMITS, { prefill: json({ message: "too long" }, 400) });
    const other = await startBackend(prefillAnswer());
    const answer = await rig.ask({ headers: { [P]: `${rig.prefill.address},${other.address}` } });
    expect(answer).toMatchObject({ status: 400, text: '{"message":"too long"}' });
    expect([other.seen.length, rig.decode.seen.length]).toEqual([0, 0]);
    await expectNothingHeld(rig);
  });

  it.each<[string, string, boolean]>([
    ["closes without an answer", "", true],
    ["breaks off in the head", "HTTP/1.1 200 OK\r\ncontent-le", true],
    ["breaks off in the body", 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"kv_transfer_params":', true],
    ["is silent in the middle of the body", 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"kv', false],
    ["speaks no HTTP", "SSH-2.0-OpenSSH_9.6\r\n", true],
  ])("and %s counts as failed", async (_, bytes, close) => {
    const rig = await startRig([...LIMITS, "--prefill-timeout=300ms"]);
    const headers = { [P]: await rawServer(bytes, close) };
    expect((await rig.ask({ headers })).status).toBe(200);
    expect(rig.decode.seen.map((seen) => seen.json)).toEqual([CHAT]);
    await expectNothingHeld(rig);
  });

  it("with an answer of 100 MB takes no memory for it", async () => {
    const piece = Buffer.alloc(1_048_576, " ");
    const huge: Reply = (response) => {
      let left = 100;
      const more = (): void => {
        while (left-- > 0) if (!response.write(piece)) return void response.once("drain", more);
        response.end();
      };
      response.on("error", () => {});
      more();
    };
    const rig = await startRig(LIMITS, { prefill: huge });
    expect((await rig.disaggregated()).status).toBe(200);
    expect(rig.decode.last.json).toEqual(CHAT);
    expect(await sample(rig.sidecar, 'llm_d_sidecar_prefill_failures_total{reason="too-large"}')).toBe(1);
    await expectNothingHeld(rig);
  });

  it("to hand over parameters is no failure: the decode server computes by itself", async () => {
    const rig = await startRig([], { prefill: json({ id: "p" }) });
    expect((await rig.disaggregated()).status).toBe(200);
    expect(rig.decode.last.json).toEqual({ ...CHAT, kv_transfer_params: null });
  });
});

describe("targets that routing headers name", () => {
  it.each(["http://", "a:b:c", "10.0.0.1:99999", "10.0.0.1:0", "[::1", "user@10.0.0.1:1", "10.0.0.1/path", "a b"])(
    "are refused when they are none: %s",
    async (target) => {
      const rig = await startRig();
      const answer = await rig.ask({ headers: { [P]: target } });
      expect([answer.status, answer.json.type]).toEqual([400, "BadRequestError"]);
      expect([rig.prefill.seen.length, rig.decode.seen.length]).toEqual([0, 0]);
    },
  );

  it.each(["", " ", ",", " , ,"])("count for nothing when they are empty: %j", async (target) => {
    const rig = await startRig();
    expect((await rig.ask({ headers: { [P]: target } })).status).toBe(200);
    expect(rig.decode.last.json).toEqual(CHAT);
  });

  it("are asked once however often they are named", async () => {
    const rig = await startRig([], { prefill: text("no", 500) });
    const { address } = rig.prefill;
    await rig.ask({ headers: { [P]: [address, address, ` ${address} `] } });
    expect(rig.prefill.seen).toHaveLength(1);
  });
});

describe("a decode server that fails", () => {
  it("is told to the client as it is, and asked only once", async () => {
    const rig = await startRig(LIMITS, { decode: json({ message: "oom" }, 500) });
    expect(await rig.disaggregated()).toMatchObject({ status: 500, text: '{"message":"oom"}' });
    expect(rig.decode.seen).toHaveLength(1);
    // The prefill's blocks were never fetched.
    expect(await sample(rig.sidecar, "llm_d_sidecar_kv_stranded_total")).toBe(1);
    await expectNothingHeld(rig);
  });

  it("in the middle of a stream cuts the client off, and nothing is sent twice", async () => {
    const rig = await startRig(LIMITS, {
      decode: (response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write('data: {"n":1}\n\n');
        setTimeout(() => response.destroy(), 20);
      },
    });
    await expect(rig.disaggregated({ body: { ...CHAT, stream: true } })).rejects.toThrow();
    await expect(rig.ask({ body: { ...CHAT, stream: true } })).rejects.toThrow();
    expect(rig.decode.seen).toHaveLength(2);
    await expectNothingHeld(rig);
  });

  it("that is away between the legs is a 503, and the blocks are counted as stranded", async () => {
    const rig = await startRig(["--model-server-port=1"]);
    const answer = await rig.disaggregated();
    expect([answer.status, answer.json.type]).toEqual([503, "ServiceUnavailable"]);
    expect(await sample(rig.sidecar, "llm_d_sidecar_kv_stranded_total")).toBe(1);
  });

  it("to fetch the blocks in time is given up, and does both phases instead", async () => {
    const decode = inTurn(hang, sse({ n: 1 }, "[DONE]"));
    const stuck: Reply = (response, seen, index) =>
      index === 0
        ? void response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders()
        : decode(response, seen, index);
    const rig = await startRig(["--transfer-timeout=100ms", ...LIMITS], { decode: stuck });
    const body = { ...CHAT, stream: true };
    expect((await rig.disaggregated({ body })).events).toEqual(['{"n":1}', "[DONE]"]);
    expect(rig.decode.last.json).toEqual(body);
    expect(await sample(rig.sidecar, "llm_d_sidecar_kv_stranded_total")).toBe(1);
    await expectNothingHeld(rig);
  });
});

describe("a client that leaves", () => {
  const CONNECTORS = ["nixlv2", "shared-storage", "sglang", "offloading"];

  it.each(CONNECTORS)("during the prefill ends it, and the decode server is not asked (%s)", async (connector) => {
    const rig = await startRig([`--kv-connector=${connector}`, ...LIMITS], { prefill: hang, decode: hang });
    const leaving = new AbortController();
    const answer = rig.disaggregated({ signal: leaving.signal }).catch(() => "left");
    await until(() => rig.prefill.seen.length === 1);
    leaving.abort();
    expect(await answer).toBe("left");
    await expectNothingHeld(rig);
    const serial = connector === "nixlv2" || connector === "shared-storage";
    if (serial) expect(rig.decode.seen).toHaveLength(0);
  });

  it.each(CONNECTORS)("before the first token ends the decode leg (%s)", async (connector) => {
    const rig = await startRig([`--kv-connector=${connector}`, ...LIMITS], { decode: hang });
    const leaving = new AbortController();
    const answer = rig.disaggregated({ signal: leaving.signal }).catch(() => "left");
    await until(() => rig.decode.seen.length === 1);
    leaving.abort();
    expect(await answer).toBe("left");
    await expectNothingHeld(rig);
  });

  it("in the middle of a stream stops the decode server", async () => {
    let closed = 0;
    const rig = await startRig(LIMITS, {
      decode: (response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        const timer = setInterval(() => response.write("data: x\n\n"), 5);
        response.on("close", () => {
          clearInterval(timer);
          closed += 1;
        });
      },
    });
    for (const call of [rig.ask, rig.disaggregated]) {
      const leaving = new AbortController();
      const answer = call({ signal: leaving.signal, body: { ...CHAT, stream: true } }).catch(() => "left");
      const before = rig.decode.seen.length;
      await until(() => rig.decode.seen.length > before);
      leaving.abort();
      expect(await answer).toBe("left");
    }
    await until(() => closed === 2);
    await expectNothingHeld(rig);
  });
});

describe("a prefill that outlives the answer", () => {
  it("keeps its slot until it ends, and nothing of its failure stays", async () => {
    let fail: (() => void) | undefined;
    const rig = await startRig(["--kv-connector=sglang", ...LIMITS], {
      prefill: (response) => (fail = () => response.writeHead(500).end("x".repeat(5_000))),
    });
    expect((await rig.disaggregated()).status).toBe(200);
    await until(() => rig.sidecar.levels().decodes === 0);
    expect(rig.sidecar.levels()).toMatchObject({ prefills: 1 });
    fail!();
    await expectNothingHeld(rig);
  });
});

describe("whatever happens", () => {
  /** A small generator with a seed, so that a failure can be seen again. */
  function dice(seed: number): (sides: number) => number {
    let state = seed;
    return (sides) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((state / 2_147_483_648) * sides);
    };
  }

  it.each(["nixlv2", "shared-storage", "sglang", "offloading"])("nothing stays behind (%s)", async (connector) => {
    const roll = dice(connector.length);
    const misbehave: (good: Reply) => Reply = (good) => (response, seen, index) => {
      const face = roll(8);
      if (face === 0) response.destroy();
      else if (face === 1) response.writeHead(500).end("no");
      else if (face === 2) response.write("half");
      else if (face === 3) setTimeout(() => response.end("{}"), 30);
      else if (face > 4) good(response, seen, index);
      // Else it hangs.
    };
    const flags = [`--kv-connector=${connector}`, "--max-concurrent-decodes=5", "--max-concurrent-prefills=3"];
    const limits = ["--prefill-timeout=40ms", "--queue-timeout=200ms", "--max-queue=20", "--transfer-timeout=40ms"];
    const stream = sse({ choices: [{ delta: { content: "a" } }] }, "[DONE]");
    const rig = await startRig([...flags, ...limits], {
      prefill: misbehave(prefillAnswer()),
      decode: misbehave((...call) => (call[2] % 2 === 0 ? json({ id: "d" }) : stream)(...call)),
    });
    const other = await startBackend(rig.prefill.reply);
    const target = `${rig.prefill.address},${other.address}`;
    await Promise.all(
      Array.from({ length: 120 }, async (_, i) => {
        await new Promise((resolve) => setTimeout(resolve, roll(300)));
        const signal = AbortSignal.timeout(20 + roll(400));
        const headers: Record<string, string> = i % 3 === 0 ? {} : { [P]: target };
        const body = { ...CHAT, stream: i % 2 === 0, ...(i % 5 === 0 ? { cache_hit_threshold: 0.5 } : {}) };
        await rig.ask({ signal, headers, body }).catch(() => "left, or cut off");
      }),
    );
    await expectNothingHeld(rig);
    // And it still works.
    rig.decode.reply = json({ id: "d" });
    rig.prefill.reply = prefillAnswer();
    expect((await rig.disaggregated()).status).toBe(200);
  });
});
