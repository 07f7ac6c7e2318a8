import { mkdtemp, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PreCallHook } from "@pointsman/plugin-api";
import { configIssues, createTestRequest, type PluginUnderTest, setUpPlugin } from "@pointsman/plugin-testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { requestPriority } from "../src/request-priority.ts";

const NEW = "x-llm-d-inference-objective";
const OLD = "x-gateway-inference-objective";

function priorityOf(preCall: PreCallHook | undefined, headers: Record<string, string>): number | undefined {
  let priority: number | undefined;
  const setTenant = (): void => {};
  void preCall!(createTestRequest({ headers }), {
    setPriority: (given) => {
      priority = given;
    },
    setTenant,
    setTargetModel: () => {},
  });
  return priority;
}

describe("the order of sources", () => {
  const config = {
    header: "x-priority",
    objectives: { chat: 10, batch: -1 },
    minPriority: -5,
    maxPriority: 5,
    defaultPriority: 2,
  };

  it.each<[string, Record<string, string>, number]>([
    ["nothing: the default", {}, 2],
    ["an objective", { [NEW]: "batch" }, -1],
    ["its old header", { [OLD]: "batch" }, -1],
    ["the new header beats the old one", { [OLD]: "batch", [NEW]: "chat" }, 10],
    ["even with an unknown objective", { [OLD]: "batch", [NEW]: "other" }, 2],
    ["a member of every object is no objective", { [NEW]: "constructor" }, 2],
    ["the priority header beats objectives", { "x-priority": "3", [NEW]: "chat" }, 3],
    ["zero counts", { "x-priority": "-0", [NEW]: "chat" }, 0],
    ["blanks do not matter", { "x-priority": " -3 " }, -3],
    ["above the bounds", { "x-priority": "6" }, 5],
    ["below the bounds", { "x-priority": "-99999999999999999999" }, -5],
    ["no integer: as if it were absent", { "x-priority": "1.5", [NEW]: "chat" }, 10],
    ["no number", { "x-priority": "high" }, 2],
    ["an empty header", { "x-priority": "" }, 2],
  ])("%s", async (_, headers, expected) => {
    const { preCall } = await setUpPlugin(requestPriority, { config });
    expect(priorityOf(preCall, headers)).toBe(expected);
  });

  it("asks no header for a number unless told so, and is 0 by default", async () => {
    const { preCall } = await setUpPlugin(requestPriority);
    expect(priorityOf(preCall, { "x-priority": "3" })).toBe(0);
    expect(priorityOf(preCall, { [NEW]: "chat" })).toBe(0);
  });

  it("keeps the header within 32 bits", async () => {
    const { preCall } = await setUpPlugin(requestPriority, { config: { header: "p" } });
    expect(priorityOf(preCall, { p: "99999999999" })).toBe(2_147_483_647);
    expect(priorityOf(preCall, { p: `-${"9".repeat(400)}` })).toBe(-2_147_483_648);
  });

  it.each<[object, RegExp]>([
    [{ objectives: { chat: 1.5 } }, /^objectives\.chat: /],
    [{ objectives: { chat: 2_147_483_648 } }, /^objectives\.chat: /],
    [{ header: "x priority" }, /^header: must be the name of a header/],
    [{ minPriority: 5, maxPriority: 1 }, /^minPriority: must not be above maxPriority/],
    [{ defaultPriority: "0" }, /^defaultPriority: /],
    [{ path: "" }, /^path: /],
  ])("refuses %j, with the place", (given, message) => {
    expect(configIssues(requestPriority, given)[0]).toMatch(message);
  });
});

describe("the file", () => {
  let folder: string;
  let path: string;
  let plugin: PluginUnderTest | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "objectives-"));
    path = join(folder, "objectives.yaml");
  });
  afterEach(async () => {
    await plugin?.shutDown();
    plugin = undefined;
    await rm(folder, { recursive: true, force: true });
  });

  const write = (...lines: string[]) => writeFile(path, `objectives:\n${lines.map((line) => `  ${line}\n`).join("")}`);
  const chat = () => priorityOf(plugin!.preCall, { [NEW]: "chat" });
  const errors = () =>
    plugin!.services.logs.filter(({ level }) => level === "error").map(({ fields }) => String(fields["error"]));

  async function start(config: object = {}): Promise<void> {
    plugin = await setUpPlugin(requestPriority, { config: { path, ...config } });
    await plugin.start!();
  }

  /** Lets host time pass in steps until the condition holds; real time only as long as the file system needs. */
  async function until(condition: () => boolean, stepMs = 4): Promise<void> {
    // Less than the 5 s of the poll in all: what is seen was notified.
    for (let i = 0; i < 1_000 && !condition(); i += 1) {
      await plugin!.services.advance(stepMs);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(condition()).toBe(true);
  }

  it("is read at start, not at set-up, and wins over the parameters", async () => {
    await write("chat: 7");
    plugin = await setUpPlugin(requestPriority, { config: { path, objectives: { chat: 1, batch: -1 } } });
    expect(chat()).toBe(1);
    await plugin.start!();
    expect(chat()).toBe(7);
    expect(priorityOf(plugin.preCall, { [NEW]: "batch" })).toBe(-1);
  });

  it("is fatal at start when it is missing, wrong, no file or too large", async () => {
    await expect(start()).rejects.toThrow(/ENOENT.*objectives\.yaml/);
    await write("chat: high");
    await expect(start()).rejects.toThrow(`${path}:2:9: the priority of chat must be an integer`);
    await expect(start({ path: folder })).rejects.toThrow(/is no regular file/);
    await truncate(path, 1024 * 1024 + 1);
    await expect(start()).rejects.toThrow(/larger than 1048576 bytes/);
  });

  it("is followed when it is rewritten and when it is replaced", async () => {
    await write("chat: 1");
    await start();
    await write("chat: 2", "batch: -1");
    await until(() => chat() === 2);
    await writeFile(`${path}.tmp`, "objectives: { chat: 3 }\n");
    await rename(`${path}.tmp`, path);
    await until(() => chat() === 3);
    expect(priorityOf(plugin!.preCall, { [NEW]: "batch" })).toBe(0);
  });

  it("changes nothing when it has become bad, and says where, once", async () => {
    await write("chat: 1");
    await start();
    await write("chat: 2", "batch: often");
    await until(() => errors().length > 0);
    expect(errors()[0]).toMatch(/objectives\.yaml:3:10: the priority of batch/);
    expect(chat()).toBe(1);
    for (let i = 0; i < 4; i += 1) {
      await plugin!.services.advance(5_000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(errors()).toHaveLength(1);
    await rm(path);
    await until(() => errors().length > 1);
    expect(errors()[1]).toMatch(/ENOENT/);
    expect(chat()).toBe(1);
    await write("chat: 4");
    await until(() => chat() === 4);
  });

  it("is left alone without watchFile, and after the stop", async () => {
    await write("chat: 1");
    await start({ watchFile: false });
    await write("chat: 2");
    await plugin!.services.advance(20_000);
    expect(chat()).toBe(1);
    await plugin!.shutDown();

    await start();
    const stopped = plugin!;
    await stopped.shutDown();
    plugin = undefined;
    await write("chat: 3");
    await stopped.services.advance(20_000);
    expect(priorityOf(stopped.preCall, { [NEW]: "chat" })).toBe(2);
  });
});
