import { setTimeout } from "node:timers/promises";
import type { Attribute, DataKey, ProducerOutput } from "@pointsman/plugin-api";
import { createOutput } from "../../host/run-producers.ts";
import type { PluginUnderTest } from "../../set-up-plugin.ts";
import { createTestPool, type TestPool } from "../../test-pool.ts";
import { combine, failed, passed, type Verdict } from "../report.ts";
import { attempt, settles } from "../settles.ts";
import { arbitrarySample, openInstance, type Subject, withInstances } from "../subject.ts";
import { requestOf, withSample } from "./ask.ts";
import { checkProperty, describeSample } from "./check-property.ts";
import { type Stand, samplePayloads, startModelServer, startSilentServer } from "./model-server.ts";
import { createWriteRecorder } from "./write-recorder.ts";

/** How long a scrape may go on after it was told to end, in milliseconds. */
const GRACE_MS = 2_000;
/** How long it may run before, in milliseconds. */
const HEAD_START_MS = 60;

export async function producerDeclaredWrites(subject: Subject): Promise<Verdict> {
  const verdicts = await withInstances(
    subject,
    ({ producer }) => producer !== undefined,
    (config) =>
      checkProperty(
        arbitrarySample(subject),
        subject,
        (sample) =>
          withSample(subject, config, sample, async ({ producer }, pool) => {
            const request = requestOf(sample);
            const candidates = pool.candidates();
            const { output } = createOutput(request, candidates, subject.keys.writes);
            let stranger: string | undefined;
            const watched = watchOutput(output, subject.keys.writes, (key) => (stranger ??= key));
            try {
              await producer?.produce(request, candidates, watched);
            } catch {
              // A producer may fail: its keys are absent then.
            }
            return stranger === undefined ? undefined : `the producer wrote ${stranger}, which it does not declare`;
          }),
        describeSample,
      ),
  );
  return combine(verdicts, "the type has no producer");
}

function watchOutput(output: ProducerOutput, writes: readonly DataKey[], note: (key: string) => void): ProducerOutput {
  const check = ({ key }: { readonly key: string }): void => {
    if (!writes.some((declared) => declared.key === key)) note(key);
  };
  return {
    column(attribute) {
      check(attribute);
      return output.column(attribute);
    },
    set(candidate, attribute, value) {
      check(attribute as Attribute);
      output.set(candidate, attribute, value);
    },
    setLocal(key, value) {
      check(key);
      output.setLocal(key, value);
    },
  };
}

export async function scraperDeclaredWrites(subject: Subject): Promise<Verdict> {
  const scraped = await withServer(
    subject,
    startModelServer,
    ({ scraper }) => scraper !== undefined,
    async (instance, pool) => {
      const endpoint = pool.datastore.snapshot().endpoints[0]!;
      const recorder = createWriteRecorder(pool, endpoint.id, subject.keys.writes, subject.type);
      const io = { signal: AbortSignal.timeout(GRACE_MS), write: recorder.writer };
      // A scrape may fail, or go on for ever, which is another rule's business; what it wrote until then counts.
      await settles(
        attempt(() => instance.scraper?.scrape(endpoint, io)),
        GRACE_MS,
      );
      const fault = recorder.fault();
      return fault === undefined ? passed : failed(`the scraper ${fault}`);
    },
  );
  const extracted = await withInstances(
    subject,
    ({ extractor }) => extractor !== undefined,
    (_config, { extractor, pool }) => {
      const endpoint = pool.datastore.snapshot().endpoints[0]!;
      const given = subject.options.payloads ?? [];
      const made = extractor!.accepts.flatMap((format) => samplePayloads().map((body) => ({ format, body })));
      for (const { format, body } of [...given, ...made]) {
        const recorder = createWriteRecorder(pool, endpoint.id, subject.keys.writes, subject.type);
        try {
          extractor!.extract(endpoint, { format, body: Buffer.from(body) }, recorder.writer);
        } catch {
          // A page that cannot be understood may be refused.
        }
        const fault = recorder.fault();
        if (fault !== undefined) return failed(`the extractor ${fault}`);
      }
      return passed;
    },
  );
  return combine([...scraped, ...extracted], "the type has no scraper and no extractor");
}

export async function scraperAbort(subject: Subject): Promise<Verdict> {
  const verdicts = await withServer(
    subject,
    startSilentServer,
    ({ scraper }) => scraper !== undefined,
    async (instance, pool) => {
      const endpoint = pool.datastore.snapshot().endpoints[0]!;
      const recorder = createWriteRecorder(pool, endpoint.id, subject.keys.writes, subject.type);
      const abort = new AbortController();
      const scrape = attempt(() =>
        instance.scraper?.scrape(endpoint, { signal: abort.signal, write: recorder.writer }),
      );
      if (!(await endsAfterAbort(scrape, abort))) {
        return failed(`the scrape went on for more than ${GRACE_MS} ms after its signal had aborted`);
      }
      recorder.close();
      await setTimeout(50);
      const late = recorder.late();
      return late === undefined ? passed : failed(`the scraper wrote ${late} after it had ended`);
    },
  );
  return combine(verdicts, "the type has no scraper");
}

export async function discoveryAbort(subject: Subject): Promise<Verdict> {
  const verdicts = await withInstances(
    subject,
    ({ discovery }) => discovery !== undefined,
    async (_config, { discovery }) => {
      const abort = new AbortController();
      let late = false;
      const sink = {
        replace() {
          late ||= abort.signal.aborted;
        },
      };
      if (
        !(await endsAfterAbort(
          attempt(() => discovery?.discover(sink, abort.signal)),
          abort,
        ))
      ) {
        return failed(`discover() had not ended ${GRACE_MS} ms after its signal had aborted`);
      }
      await setTimeout(50);
      return late ? failed("discovery handed over endpoints after its signal had aborted") : passed;
    },
  );
  return combine(verdicts, "the type has no discovery");
}

/** Aborts a moment after the call and waits for it. True when it settled. */
async function endsAfterAbort(running: Promise<unknown>, abort: AbortController): Promise<boolean> {
  await settles(running, HEAD_START_MS);
  abort.abort(new Error("aborted by the test"));
  return settles(running, GRACE_MS);
}

/** Instances whose only endpoint is a server of the kit. */
async function withServer(
  subject: Subject,
  start: () => Promise<Stand>,
  wanted: (instance: PluginUnderTest) => boolean,
  use: (instance: PluginUnderTest, pool: TestPool) => Promise<Verdict>,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const config of subject.configs.slice(0, 4)) {
    const stand = await start();
    const pool = createTestPool([{ name: "pod-0", host: "127.0.0.1", port: stand.port }]);
    const instance = await openInstance(subject, config, pool).catch(() => undefined);
    try {
      if (instance !== undefined && wanted(instance)) verdicts.push(await use(instance, pool));
    } finally {
      await instance?.shutDown().catch(() => {});
      await stand.close();
    }
  }
  return verdicts;
}
