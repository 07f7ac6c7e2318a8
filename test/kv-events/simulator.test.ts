import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { fill, startServer, story } from "./stack.ts";

const python = [
  process.env["POINTSMAN_PYTHON"],
  process.env["POINTSMAN_CI_CACHE"] && join(process.env["POINTSMAN_CI_CACHE"], "python-27.3.0-0.22.0", "bin", "python"),
  "python3",
].find(
  (command) =>
    command !== undefined &&
    command !== "" &&
    (command === "python3" || existsSync(command)) &&
    spawnSync(command, ["-c", "import zmq, msgspec"], { stdio: "ignore" }).status === 0,
);
if (python === undefined) {
  const message =
    "No Python with pyzmq and msgspec: set POINTSMAN_PYTHON to one (pip install pyzmq==27.3.0 msgspec==0.22.0).";
  if (process.env["CI"] === "true") throw new Error(message);
  console.warn(`SKIPPED: the simulator's KV events, read by libzmq and vLLM's classes. ${message}`);
}
const itWithZmq = python === undefined ? it.skip : it;

interface Line {
  readonly source: "ready" | "done" | "live" | "replay";
  readonly topic: string;
  readonly sequence: number;
  readonly name: string;
  readonly hashes: readonly string[];
  readonly parent?: string | null;
  readonly tokens?: readonly number[];
  readonly blockSize?: number;
  readonly lora?: string | null;
  readonly extraKeys?: readonly unknown[] | null;
}

/** A subscriber in Python; `ask` makes it read and gives what it has read. */
async function subscribe(port: number, replayPort: number, form: string) {
  const script = join(import.meta.dirname, "fixtures", "subscriber.py");
  const child = spawn(python!, [script, `tcp://127.0.0.1:${port}`, `tcp://127.0.0.1:${replayPort}`, form], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line) as Line));
  const until = (source: string) =>
    vi.waitFor(() => expect(lines.at(-1)?.source).toBe(source), { timeout: 15_000, interval: 10 });
  await until("ready");
  return {
    async ask(what: "live" | "replay"): Promise<readonly Line[]> {
      lines.splice(0);
      child.stdin.write(`${what}\n`);
      await until("done");
      return lines.slice(0, -1);
    },
  };
}

describe.each(["map", "array"])("the simulator's events as %ss", (kvEncoding) => {
  itWithZmq("are what libzmq and vLLM's own classes understand, live and replayed", async () => {
    const sim = await startServer("s", { kvEncoding, numBlocks: 60, loras: ["style"], kvTopic: "kv@pod@model" });
    onTestFinished(() => sim.close());
    const subscriber = await subscribe(sim.kvEventsPort!, sim.kvReplayPort!, kvEncoding);
    await vi.waitFor(
      async () => {
        await fill(sim, story(`warm-up ${Math.random()}`).slice(0, 64));
        expect(await subscriber.ask("live")).not.toEqual([]);
      },
      { timeout: 15_000 },
    );
    await fill(sim, story("one"), { cache_salt: "tenant" });
    await fill(sim, story("two"), { model: "style" });
    const live = await subscriber.ask("live");
    const [first, ...others] = live.filter(({ name }) => name === "BlockStored");
    expect(first).toMatchObject({ topic: "kv@pod@model", parent: null, blockSize: 16, lora: null });
    expect(first!.extraKeys?.[0]).toEqual(["tenant"]);
    expect(first!.tokens).toHaveLength(16 * first!.hashes.length);
    expect(others.at(-1)).toMatchObject({ lora: "style" });
    const stored = new Set(live.filter(({ name }) => name === "BlockStored").flatMap(({ hashes }) => hashes));
    const removed = live.filter(({ name }) => name === "BlockRemoved").flatMap(({ hashes }) => hashes);
    expect(removed.length).toBeGreaterThan(10);
    expect(removed.filter((hash) => stored.has(hash)).length).toBeGreaterThan(10);
    const replayed = await subscriber.ask("replay");
    expect(replayed.map(({ sequence }) => sequence)).toEqual(
      [...replayed.map(({ sequence }) => sequence)].sort((a, b) => a - b),
    );
    expect(replayed[0]!.sequence).toBe(0);
    const wanted = live.map(({ source: _, ...event }) => event);
    expect(replayed.slice(-wanted.length).map(({ source: _, ...event }) => event)).toEqual(wanted);
  });
});
