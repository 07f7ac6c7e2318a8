import { isDiagnosticError } from "@pointsman/diagnostics";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { request } from "./guards.ts";
import { createZoo, entry, host, said, type Zoo } from "./zoo.ts";

let zoo: Zoo;
beforeAll(() => {
  zoo = createZoo();
});
afterAll(() => zoo.remove());

const referring = (name: string, decider: string) => entry("referring", { name, parameters: { decider } });
const chain = [referring("a", "b"), referring("b", "yes-decider"), entry("yes-decider")];

/** A limit that only the broken plugins of these tests reach: they never end by themselves. */
const limits = { setupTimeoutMs: 50, startTimeoutMs: 50, stopTimeoutMs: 50 };

/** What start() refused with. */
async function startProblems(start: Promise<void>): Promise<string[]> {
  const error = await start.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!isDiagnosticError(error)) throw new Error("start() did not fail with diagnostics", { cause: error });
  return said(error.diagnostics, zoo);
}

describe("instances that refer to others", () => {
  it("are set up and started after them, and stopped before them", async () => {
    const { set, diagnostics, log } = await zoo.load(chain);
    expect(said(diagnostics, zoo)).toEqual([]);
    expect(log.splice(0)).toEqual(["yes-decider: set up", "b: set up", "a: set up"]);
    // For everybody else the order of the configuration counts.
    expect(set!.instances.map((instance) => instance.entry.name)).toEqual(["a", "b", "yes-decider"]);
    await set!.start();
    expect(log.splice(0)).toEqual(["yes-decider: started", "b: started", "a: started"]);
    expect(await set!.stop()).toEqual([]);
    expect(log).toEqual([
      "a: stopped",
      "a: released",
      "b: stopped",
      "b: released",
      "yes-decider: stopped",
      "yes-decider: released",
    ]);
  });

  it("get the guarded capability and not the instance", async () => {
    const { set } = await zoo.load(chain);
    const { guards, capabilities } = set!.get("a")!;
    expect(capabilities.decider!.decide(request, {} as never)).toBe(true);
    for (const name of ["a", "b", "yes-decider"]) expect(set!.get(name)!.guards.get("decider")!.meter.calls).toBe(1);
    expect(guards.get("decider")!.meter.errors).toBe(0);
    await set!.stop();
  });

  it("are left out, without a second message, when the one they need cannot be set up", async () => {
    const { diagnostics, log } = await zoo.load([
      referring("it", "setup-throws-decider"),
      entry("setup-throws-decider"),
    ]);
    expect(said(diagnostics, zoo)).toEqual([
      "POINTSMAN_PLUGIN_SETUP_FAILED: setup-throws-decider: setup failed: no answer",
    ]);
    expect(log).toEqual([]);
  });
});

describe("setup", () => {
  it("that takes too long is given up; what it opens afterwards is closed at once", async () => {
    const { set, diagnostics, log } = await zoo.load([entry("setup-slow")], limits);
    expect(set).toBeUndefined();
    expect(said(diagnostics, zoo)).toEqual([
      "POINTSMAN_PLUGIN_SETUP_TIMEOUT: setup-slow: setup has not finished after 50 ms.",
    ]);
    const late = "setup-slow: released what it opened too late";
    await vi.waitFor(() => expect(log).toEqual(["setup-slow: released", late]));
  });

  it("gets services, whose work for the stop runs after the plugin's own", async () => {
    const log: string[] = [];
    const write = (message: string) => void log.push(message);
    const { set } = await zoo.load([entry("yes-decider")], {
      services: ({ entry: { name } }, onStop) => ({
        "core.logger": () => {
          onStop(() => write(`host: timers of ${name} stopped`));
          return { info: write };
        },
      }),
    });
    await set!.stop();
    expect(log).toEqual(["yes-decider: set up", "yes-decider: released", "host: timers of yes-decider stopped"]);
  });

  it("does not happen when a service cannot be made, and nothing is left of the others", async () => {
    const log: string[] = [];
    const { set, diagnostics } = await zoo.load([entry("unknown-service")], {
      services: (_instance, onStop) => ({
        "core.logger": () => {
          onStop(() => void log.push("closed"));
          return {};
        },
        "acme.weather": () => {
          throw new Error("no connection");
        },
        "core.redis:sessions": () => ({}),
      }),
    });
    expect(set).toBeUndefined();
    expect(said(diagnostics, zoo)).toEqual([
      'POINTSMAN_PLUGIN_SETUP_FAILED: unknown-service: the service "acme.weather" could not be made: no connection',
    ]);
    expect(log).toEqual(["closed"]);
  });

  it("gets services of the host from its root container", async () => {
    const log: string[] = [];
    const root = host.createRootContainer();
    root.register(host.serviceToken("core.logger"), { useValue: { info: (text: string) => log.push(text) } });
    const { set } = await zoo.load([entry("yes-decider")], { root, services: () => ({}) });
    await set!.stop();
    expect(log).toEqual(["yes-decider: set up", "yes-decider: released"]);
  });
});

describe("start", () => {
  it("that fails stops all that were started, the failing one included", async () => {
    const { set, log } = await zoo.load([entry("yes-decider"), entry("start-fails"), entry("good-scorer")]);
    log.length = 0;
    expect(await startProblems(set!.start())).toEqual([
      "POINTSMAN_PLUGIN_START_FAILED: start-fails: start() failed: port 9000 is taken",
    ]);
    expect(log).toEqual([
      "yes-decider: started",
      "start-fails: stopped",
      "start-fails: released",
      "yes-decider: stopped",
      "yes-decider: released",
    ]);
  });

  it("that takes too long counts as failed", async () => {
    const { set, log } = await zoo.load([entry("start-slow")], limits);
    expect(await startProblems(set!.start())).toEqual([
      "POINTSMAN_PLUGIN_START_TIMEOUT: start-slow: start() is not finished after 50 ms.",
    ]);
    expect(log).toEqual(["start-slow: stopped", "start-slow: released"]);
  });

  it("goes no further when the set is stopped meanwhile", async () => {
    const { set, log } = await zoo.load([entry("yes-decider"), referring("it", "yes-decider")]);
    log.length = 0;
    const starting = set!.start();
    const stopped = set!.stop();
    await starting;
    expect(await stopped).toEqual([]);
    expect(log).toEqual(["yes-decider: started", "it: released", "yes-decider: stopped", "yes-decider: released"]);
  });
});

describe("stop", () => {
  it("reports one that fails and one that takes too long, and stops the others all the same", async () => {
    const entries = [entry("yes-decider"), entry("stop-slow"), entry("stop-fails")];
    const { set, log } = await zoo.load(entries, limits);
    await set!.start();
    log.length = 0;
    const problems = await set!.stop();
    expect(said(problems, zoo)).toEqual([
      "POINTSMAN_PLUGIN_STOP_FAILED: stop-fails: stop failed: already closed",
      "POINTSMAN_PLUGIN_STOP_TIMEOUT: stop-slow: stop is not finished after 50 ms.",
    ]);
    expect(problems.map(({ severity }) => severity)).toEqual(["warning", "warning"]);
    expect(log).toEqual([
      "stop-fails: released",
      "stop-slow: released",
      "yes-decider: stopped",
      "yes-decider: released",
    ]);
  });

  it("happens once, however often it is asked for", async () => {
    const { set, log } = await zoo.load([entry("yes-decider")]);
    await set!.start();
    const first = set!.stop();
    expect(set!.stop()).toBe(first);
    await first;
    await set!.stop();
    expect(log.filter((text) => text === "yes-decider: released")).toHaveLength(1);
  });

  it("does not call stop() of instances that were never started", async () => {
    const { set, log } = await zoo.load([entry("yes-decider")]);
    await set!.stop();
    expect(log).toEqual(["yes-decider: set up", "yes-decider: released"]);
  });
});

describe("a set of plugins", () => {
  it("is ready when no instance says that it is not", async () => {
    const good = await zoo.load([entry("yes-decider"), entry("good-scorer")]);
    expect(good.set!.ready()).toBe(true);
    await good.set!.stop();
    const waiting = await zoo.load([entry("good-scorer"), entry("not-ready")]);
    expect(waiting.set!.ready()).toBe(false);
    await waiting.set!.stop();
  });
});
