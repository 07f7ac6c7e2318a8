import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PluginEntry, PluginSet } from "../src/index.ts";
import { request } from "./guards.ts";
import { createZoo, entry, said, type Zoo } from "./zoo.ts";

let zoo: Zoo;
beforeAll(() => {
  zoo = createZoo();
});
afterAll(() => zoo.remove());

const stateful = (name: string, parameters: object = {}) => entry("stateful", { name, parameters });
const referring = (decider: string) => entry("referring", { parameters: { decider } });

/** Starts a set and lets each of its deciders count to one. */
async function started(entries: readonly PluginEntry[]): Promise<PluginSet> {
  const { set } = await zoo.load(entries);
  await set!.start();
  for (const { capability } of set!.providing("decider")) capability.decide(request, {} as never);
  return set!;
}

/** Replaces a running set as the host does. */
async function replace(old: PluginSet, entries: readonly PluginEntry[]) {
  const loaded = await zoo.load(entries, { previous: old });
  if (loaded.set === undefined) return loaded;
  await loaded.set.start();
  loaded.set.succeed(old);
  return { ...loaded, stopped: await old.stop() };
}

describe("a new set of plugins", () => {
  it("keeps the instances that did not change, with their state, and stops only what is gone", async () => {
    const old = await started([stateful("kept", { step: 1 }), stateful("gone"), referring("kept")]);
    const { set, log } = await replace(old, [referring("kept"), stateful("kept", { step: 1 })]);
    expect(set!.get("kept")).toBe(old.get("kept"));
    expect(set!.get("referring")).toBe(old.get("referring"));
    // The new set's log: nothing was set up, started or stopped for it.
    expect(log).toEqual([]);
    expect(await set!.stop()).toEqual([]);
  });

  it("gives a changed instance what its predecessor hands over, and renews those that refer to it", async () => {
    const old = await started([stateful("counter"), referring("counter")]);
    const { set, log } = await replace(old, [stateful("counter", { step: 5 }), referring("counter")]);
    expect(set!.get("referring")).not.toBe(old.get("referring"));
    // It counted its own call and that of the instance that refers to it.
    expect(log).toEqual(["counter: set up with 2", "referring: set up", "counter: started", "referring: started"]);
    await set!.stop();
  });

  it("starts a changed instance without state, and says so, when handing over fails", async () => {
    const old = await started([stateful("counter", { broken: true })]);
    const { set, diagnostics, log } = await replace(old, [stateful("counter")]);
    expect(said(diagnostics, zoo)).toEqual([
      "POINTSMAN_PLUGIN_SETUP_FAILED: counter: handOver() failed, its successor starts without its state: state is lost",
    ]);
    expect(diagnostics[0]!.severity).toBe("warning");
    expect(log[0]).toBe("counter: set up with 0");
    await set!.stop();
  });

  it("that cannot be loaded leaves the running one as it was", async () => {
    const old = await started([stateful("counter")]);
    const { set, diagnostics, log } = await replace(old, [stateful("counter"), stateful("new"), entry("setup-throws")]);
    expect(set).toBeUndefined();
    expect(said(diagnostics, zoo)).toEqual([
      "POINTSMAN_PLUGIN_SETUP_FAILED: setup-throws: setup failed: cannot reach the database",
    ]);
    expect(log).toEqual(["new: set up with 0", "setup-throws: released, aborted true", "new: released"]);
    expect(old.get("counter")!.capabilities.decider!.decide(request, {} as never)).toBe(true);
    expect(await old.stop()).toEqual([]);
  });
});
