import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { profileOnSignal } from "../src/commands/cpu-profile.ts";

let dir: string;
let lines: { message: string; fields?: Readonly<Record<string, unknown>> | undefined }[];
let stop: () => void;
const log = {
  debug() {},
  warn() {},
  info: (message: string, fields?: Readonly<Record<string, unknown>>) => void lines.push({ message, fields }),
  error: (message: string, fields?: Readonly<Record<string, unknown>>) => void lines.push({ message, fields }),
};
const logged = (message: string) => lines.filter((line) => line.message === message).length;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pointsman-profile-"));
  lines = [];
});
afterEach(() => {
  stop();
  rmSync(dir, { recursive: true, force: true });
});

it("writes one profile for a signal, and ignores signals meanwhile", async () => {
  const folder = join(dir, "profiles");
  stop = profileOnSignal({ folder, log, durationMs: 150 });
  process.emit("SIGUSR2");
  process.emit("SIGUSR2");
  await vi.waitUntil(() => logged("wrote a CPU profile") === 1, 5_000);
  const [file, ...others] = readdirSync(folder);
  expect(others).toEqual([]);
  const { nodes, samples } = JSON.parse(readFileSync(join(folder, file!), "utf8"));
  expect([nodes.length > 0, samples.length > 0]).toEqual([true, true]);
  process.emit("SIGUSR2");
  await vi.waitUntil(() => logged("wrote a CPU profile") === 2, 5_000);
});

it("says when the profile cannot be written, and takes the next signal", async () => {
  const folder = join(dir, "a-file");
  writeFileSync(folder, "");
  stop = profileOnSignal({ folder, log, durationMs: 20 });
  for (const times of [1, 2]) {
    process.emit("SIGUSR2");
    await vi.waitUntil(() => logged("no CPU profile was written") === times, 5_000);
  }
});

it("writes nothing once it is stopped", async () => {
  stop = profileOnSignal({ folder: dir, log, durationMs: 50 });
  process.emit("SIGUSR2");
  await vi.waitUntil(() => logged("profiling the CPU") === 1, 5_000);
  stop();
  expect(process.listenerCount("SIGUSR2")).toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(readdirSync(dir)).toEqual([]);
});
