import { DiagnosticError } from "@pointsman/diagnostics";
import { createTestHost } from "../../host/create-test-host.ts";
import { type PluginUnderTest, setUpPlugin } from "../../set-up-plugin.ts";
import { createTestPool, type TestPool } from "../../test-pool.ts";
import { createTestServices } from "../../test-services.ts";
import { combine, failed, lacking, passed, type Verdict } from "../report.ts";
import { describeLeftovers, trackResources } from "../resource-tracker.ts";
import { attempt, settles } from "../settles.ts";
import { needsOf, standInPlugins, standInServices } from "../stand-in-services.ts";
import { openInstance, type Subject, tryOpen } from "../subject.ts";
import { textOf } from "./check-property.ts";
import { startModelServer } from "./model-server.ts";

/** Services are made to fail at up to this many of the calls that setup makes. */
const FAILURES_TRIED = 12;

export async function noHandles(subject: Subject): Promise<Verdict> {
  const verdicts: Verdict[] = [];
  for (const config of subject.configs.slice(0, 4)) {
    const stand = await startModelServer();
    const tracker = trackResources();
    try {
      const pool = createTestPool([{ name: "pod-0", host: "127.0.0.1", port: stand.port }]);
      const instance = await tracker.run(() => openInstance(subject, config, pool)).catch(() => undefined);
      if (instance === undefined) continue;
      await tracker.run(() => live(instance, pool));
      pool.datastore.replace([]);
      await tracker.run(() => instance.shutDown()).catch(() => {});
      const leftovers = await tracker.leftovers();
      verdicts.push(
        leftovers.length === 0 ? passed : failed(`after stop there is still ${describeLeftovers(leftovers)}`),
      );
    } finally {
      tracker.end();
      await stand.close();
    }
  }
  return combine(verdicts, "setup does not succeed with any config that could be found");
}

/** What a loopback server answers takes no longer, in milliseconds. */
const SCRAPE_MS = 1_000;

/** A short life: start, one scrape, a moment of discovery. What fails is reported by other rules. */
async function live(instance: PluginUnderTest, pool: TestPool): Promise<void> {
  try {
    await instance.start?.();
  } catch {
    return;
  }
  const endpoint = pool.datastore.snapshot().endpoints[0]!;
  const scrapes = new AbortController();
  const io = { signal: scrapes.signal, write: { set: () => {} } };
  await settles(
    attempt(() => instance.scraper?.scrape(endpoint, io)),
    SCRAPE_MS,
  );
  scrapes.abort(new Error("stopped by the test"));
  const abort = new AbortController();
  const watching = attempt(() => instance.discovery?.discover({ replace: () => {} }, abort.signal));
  watching.catch(() => {});
  await settles(watching, 20);
  abort.abort(new Error("stopped by the test"));
}

export async function stopIdempotent(subject: Subject): Promise<Verdict> {
  const verdicts: Verdict[] = [];
  for (const config of subject.configs.slice(0, 4)) {
    for (const starts of [false, true]) {
      const instance = await tryOpen(subject, config);
      if (instance === undefined) continue;
      try {
        if (starts) await instance.start?.();
      } catch {
        await instance.shutDown().catch(() => {});
        continue;
      }
      const told = starts ? "after start()" : "without start()";
      try {
        await instance.stop?.();
      } catch (error) {
        return failed(`stop() ${told} threw ${textOf(error)}`);
      }
      try {
        await instance.shutDown();
      } catch (error) {
        return failed(`the second stop() ${told} threw ${textOf(error)}`);
      }
      verdicts.push(passed);
    }
  }
  return combine(verdicts, "setup does not succeed with any config that could be found");
}

export async function setupFailure(subject: Subject): Promise<Verdict> {
  const verdicts: Verdict[] = [];
  for (const config of subject.configs.slice(0, 2)) {
    let calls = await countCalls(subject, config);
    calls = Math.min(calls, FAILURES_TRIED);
    for (let failing = 1; failing <= calls; failing += 1) verdicts.push(await failAt(subject, config, failing));
  }
  for (const config of subject.options.failingConfigs ?? []) verdicts.push(await failWith(subject, config));
  return combine(verdicts, "setup calls no service that could fail; give `failingConfigs` if there are any");
}

/** How many calls of services setup makes when none fails. */
async function countCalls(subject: Subject, config: unknown): Promise<number> {
  let calls = 0;
  const instance = await openFailing(subject, config, () => void (calls += 1)).catch(() => undefined);
  await instance?.shutDown().catch(() => {});
  return calls;
}

async function failAt(subject: Subject, config: unknown, failing: number): Promise<Verdict> {
  let calls = 0;
  return leavesNothing(`setup failed at its call ${failing} of a service`, async () => {
    const instance = await openFailing(subject, config, (service) => {
      calls += 1;
      if (calls === failing) throw new Error(`${service} fails in this test`);
    });
    await instance.shutDown();
  });
}

async function failWith(subject: Subject, config: unknown): Promise<Verdict> {
  return leavesNothing(`setup or start failed with ${JSON.stringify(config)}`, async () => {
    const instance = await openInstance(subject, config, createTestPool([{}]));
    try {
      await instance.start?.();
    } finally {
      await instance.shutDown();
    }
  });
}

async function leavesNothing(when: string, code: () => Promise<void>): Promise<Verdict> {
  const tracker = trackResources();
  try {
    await tracker.run(code).catch(() => {});
    const leftovers = await tracker.leftovers();
    return leftovers.length === 0 ? passed : failed(`when ${when}, there was still ${describeLeftovers(leftovers)}`);
  } finally {
    tracker.end();
  }
}

/** Sets up an instance whose services tell about each call, and may throw from there. */
function openFailing(subject: Subject, config: unknown, called: (service: string) => void): Promise<PluginUnderTest> {
  const pool = createTestPool([{}]);
  const writes = new Set(subject.keys.writes.map(({ key }) => key));
  const core = createTestServices(pool, { instance: subject.type, writes });
  const others = standInServices(subject.spec, config);
  const services = Object.fromEntries(
    needsOf(subject.spec, config).flatMap(({ id }): [string, unknown][] => {
      const service = others[id] ?? core.resolve(id);
      return service === undefined ? [] : [[id, announced(id, service as object, called)]];
    }),
  );
  return setUpPlugin(subject.plugin, { config, pool, services });
}

function announced(id: string, service: object, called: (service: string) => void): object {
  return new Proxy(service, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== "function") return member;
      return (...given: unknown[]): unknown => {
        called(`${id}.${String(property)}()`);
        return member.apply(target, given);
      };
    },
  });
}

export async function hostAccepts(subject: Subject): Promise<Verdict> {
  const verdicts: Verdict[] = [];
  for (const parameters of subject.configs.slice(0, 4)) {
    const profiles = (subject.options.profiles ?? ["default"]).map((name) => ({ name, plugins: [] }));
    const { plugins, entries } = standInPlugins(subject.spec, parameters);
    try {
      const host = await createTestHost({
        plugins: [subject.source, ...plugins],
        config: { plugins: [{ type: subject.type, parameters }, ...entries], schedulingProfiles: profiles },
      });
      await host.stop();
      verdicts.push(passed);
    } catch (error) {
      const finding =
        error instanceof DiagnosticError
          ? error.diagnostics.map(({ code, message }) => `${code} ${message}`).join("\n")
          : textOf(error);
      verdicts.push(subject.configsGiven ? failed(finding) : excuse(finding, error));
    }
  }
  return combine(verdicts, "there is no valid config to load it with");
}

/** With a config that was only guessed, a failure of setup or start says nothing; anything else does. */
function excuse(finding: string, error: unknown): Verdict {
  const guessed =
    error instanceof DiagnosticError &&
    error.diagnostics.every(
      ({ code }) => /_(SETUP|START)_(FAILED|TIMEOUT)$/.test(code) && !finding.includes("setup returned"),
    );
  return guessed ? lacking(`no valid config could be found (give \`validConfigs\`): ${finding}`) : failed(finding);
}
