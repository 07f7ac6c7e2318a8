import { EventEmitter } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setUpPlugin } from "@pointsman/plugin-testkit";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { requestPriority } from "../src/request-priority.ts";

const watch = vi.hoisted(() => vi.fn());
vi.mock("node:fs", () => ({ watch }));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "objectives-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function startWith(path: string) {
  const plugin = await setUpPlugin(requestPriority, { config: { path } });
  await plugin.start!();
  const loads = () => plugin.services.logs.filter(({ message }) => message === "objectives loaded").length;
  const warnings = () => plugin.services.logs.filter(({ level }) => level === "warn").length;
  const seen = async (count: number, stepMs: number): Promise<void> => {
    for (let i = 0; i < 400 && loads() < count; i += 1) {
      await plugin.services.advance(stepMs);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(loads()).toBe(count);
  };
  return { ...plugin, loads, warnings, seen };
}

describe("watching a file", () => {
  it("means a look now and then when a watch cannot be had", async () => {
    watch.mockImplementation(() => {
      throw Object.assign(new Error("no watches left"), { code: "ENOSPC" });
    });
    const path = join(folder, "objectives.yaml");
    await writeFile(path, "objectives: { a: 1 }");
    const { seen, warnings, shutDown } = await startWith(path);
    expect(warnings()).toBe(1);
    await writeFile(path, "objectives: { a: 1, b: 2 }");
    await seen(2, 1_000);
    await shutDown();
  });

  it("goes on with looks when the watch fails later", async () => {
    const watcher = Object.assign(new EventEmitter(), { close: vi.fn() });
    watch.mockImplementation(() => watcher);
    const path = join(folder, "objectives.yaml");
    await writeFile(path, "objectives: { a: 1 }");
    const { seen, warnings, shutDown } = await startWith(path);
    watcher.emit("error", new Error("the folder is gone"));
    expect(warnings()).toBe(1);
    expect(watcher.close).toHaveBeenCalled();
    await writeFile(path, "objectives: { a: 1, b: 2 }");
    await seen(2, 1_000);
    await shutDown();
  });

  it("does not happen with watchFile: false", async () => {
    watch.mockClear();
    const path = join(folder, "objectives.yaml");
    await writeFile(path, "objectives: { a: 1 }");
    const plugin = await setUpPlugin(requestPriority, { config: { path, watchFile: false } });
    await plugin.start!();
    expect(watch).not.toHaveBeenCalled();
    await plugin.shutDown();
  });

  it("reads once for many notifications, and only when the file has changed", async () => {
    let notify = (): void => {};
    const close = vi.fn();
    watch.mockImplementation((_folder, _options, listener) => {
      notify = listener;
      return Object.assign(new EventEmitter(), { close });
    });
    const path = join(folder, "objectives.yaml");
    await writeFile(path, "objectives: { a: 1 }");
    const { seen, loads, services, shutDown } = await startWith(path);
    await writeFile(path, "objectives: { a: 1, b: 2 }");
    for (let i = 0; i < 20; i += 1) notify();
    await seen(2, 10);
    notify();
    await services.advance(1_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(loads()).toBe(2);
    await shutDown();
    expect(close).toHaveBeenCalled();
  });
});
