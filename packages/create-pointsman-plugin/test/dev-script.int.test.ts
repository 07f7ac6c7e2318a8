import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { commands, createRenderedWorkspace, runScript } from "./rendered-workspace.ts";

const workspace = createRenderedWorkspace("dev");
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  workspace.remove();
});

/** Starts `npm run dev` on free ports, and follows what it prints. */
function startDev(folder: string) {
  const argv = ["dev/dev.mjs", "--port", "0", "--admin-port", "0"];
  const child = spawn(process.execPath, argv, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  let output = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      for (const listener of listeners) listener();
    });
  }
  return {
    child,
    /** Resolves when `pattern` was printed `times` times; rejects with the output when the process ends before. */
    printed: (pattern: RegExp, times = 1): Promise<RegExpMatchArray[]> =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = [...output.matchAll(pattern)];
          if (found.length < times) return;
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        child.once("exit", () => reject(new Error(output)));
        look();
      }),
  };
}

const PROXY = /^proxy +(http:\S+)$/gm;

describe("npm run dev", () => {
  it("runs the demo with the plugin, starts it anew after a change, and leaves nothing behind", async () => {
    const folder = workspace.add("hook", "js");
    const { child, printed } = startDev(folder);
    const [[, first] = []] = await printed(PROXY);
    const answer = await fetch(`${first}/v1/models`).then(({ status }) => status);
    expect(answer).toBe(200);

    appendFileSync(join(folder, "src", "my-hook.js"), "// changed\n");
    const [, [, second] = []] = await printed(PROXY, 2);
    await expect(fetch(`${first}/v1/models`)).rejects.toThrow();
    expect(await fetch(`${second}/v1/models`).then(({ status }) => status)).toBe(200);

    const ended = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    await expect(fetch(`${second}/v1/models`)).rejects.toThrow();
  });

  it("says so when the plugin is broken, and goes on after it was mended", async () => {
    const folder = workspace.add("scorer", "ts");
    appendFileSync(join(folder, "src", "my-scorer.ts"), 'throw new Error("unfinished");\n');
    const { child, printed } = startDev(folder);
    await printed(/the demo ended with code \d+; it starts again with the next change/g);
    expect((await printed(/unfinished/g)).length).toBeGreaterThan(0);

    workspace.add("scorer", "ts");
    await printed(PROXY);
    const ended = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
  });
});

describe("the configuration of npm run dev", () => {
  it.each(["filter", "scraper", "picker", "producer", "hook"] as const)("is right for a %s", async (kind) => {
    const folder = workspace.add(kind, "js");
    const endpoints = join(workspace.dir, "endpoints.yaml");
    writeFileSync(endpoints, "endpoints: [{ name: a, address: 127.0.0.1, port: 1 }]\n");
    const argv = ["check", "--load", "--config-file", "dev/pointsman.config.yaml", "--endpoints-file", endpoints];
    const { code, output } = await runScript(folder, [commands.pointsman, ...argv]);
    expect(code, output).toBe(0);
    expect(output).toContain(`my-${kind}`);
    expect(output).not.toMatch(/warning/i);
  });

  it("lets a scorer show in the decisions", async () => {
    const folder = workspace.add("scorer", "js");
    const argv = ["demo", "--once", "--config-file", "dev/pointsman.config.yaml", "--plugin-root", "."];
    const { code, output } = await runScript(folder, [commands.pointsman, ...argv]);
    expect(code, output).toBe(0);
    expect(output).toMatch(/→ sim-\d +my \d\.\d\d×2 · kv-cache-utilization/);
  });
});
