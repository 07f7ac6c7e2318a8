import { isDiagnosticError } from "@pointsman/diagnostics";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, startFleet } from "./harness/fleet.ts";
import { Host } from "./harness/in-process.ts";
import { Load } from "./harness/load.ts";
import { serveAlone } from "./harness/own-process.ts";
import { until } from "./harness/poll.ts";
import { seriesOf, sumOf } from "./harness/series.ts";
import { names, type PluginReport, type Subject } from "./harness/subject.ts";
import { type FaultRow, rows } from "./rows.ts";

const REQUESTS_PER_SECOND = 50;
/** Requests that are answered while the offender is there. */
const ENOUGH = 25;

let fleet: Fleet;
let host: Host;
beforeAll(async () => {
  fleet = await startFleet();
  host = await Host.start(fleet);
});
afterAll(async () => {
  await host?.close();
  await fleet?.close();
});

const title = ({ fault }: FaultRow) => fault;

describe("a plugin that, under live load,", () => {
  const here = rows.filter(({ process, expect: { refused } }) => process === undefined && refused === undefined);
  afterEach(() => host.expectIdle());

  it.each(here.map((row) => [title(row), row] as const))("%s: nobody but itself is harmed", async (_title, row) => {
    const load = new Load(host.url, REQUESTS_PER_SECOND);
    const subject = await host.admit(row);
    try {
      await expectFault(row, subject, load);
    } finally {
      // Taken out while the load goes on.
      const warnings = await subject.end();
      expect(warnings.map(({ code }) => code)).toEqual(row.expect.warning === undefined ? [] : [row.expect.warning]);
      await expectServed(row, load);
    }
  });
});

describe("a plugin that cannot be started, when it is brought in under live load,", () => {
  afterEach(() => host.expectIdle());

  it.each(rows.filter(({ expect: { refused } }) => refused !== undefined).map((row) => [title(row), row] as const))(
    "%s: it is refused, and the others go on",
    async (_title, row) => {
      const load = new Load(host.url, REQUESTS_PER_SECOND);
      const error = await host.admit(row).then(
        () => undefined,
        (cause: unknown) => cause,
      );
      if (!isDiagnosticError(error)) throw new Error("it was not refused", { cause: error });
      expect(error.diagnostics.map(({ code }) => code)).toContain(row.expect.refused);
      expect(error.diagnostics[0]!.origin).toBe(row.plugin);
      const already = load.answered;
      await until(
        "the load to go on",
        () => load.answered - already,
        (answered) => answered >= 10,
      );
      await expectServed(row, load);
    },
  );
});

describe("a plugin that, in a process of its own and under live load,", () => {
  it.each(rows.filter(({ process }) => process === "own").map((row) => [title(row), row] as const))(
    "%s: the process stays up",
    async (_title, row) => {
      const subject = await serveAlone(row, fleet);
      const load = new Load(subject.url, REQUESTS_PER_SECOND);
      try {
        await expectFault(row, subject, load);
      } finally {
        await expectServed(row, load);
        await subject.end();
      }
    },
  );
});

/** Waits until all has come as the row says, and enough requests were answered. */
async function expectFault(row: FaultRow, subject: Subject, load: Load): Promise<void> {
  const { metric, breaker, log, abstains } = row.expect;
  const already = load.answered;
  if (metric !== undefined) {
    const { name, labels, atLeast = 1 } = metric;
    await until(
      `${name}{${labels}} to be ${atLeast}`,
      async () => sumOf(await subject.page(), name, labels),
      (value) => value >= atLeast,
    );
  }
  if (breaker !== undefined) {
    const labels = `extension_point="${breaker}",plugin_type="${row.plugin}"`;
    await until(
      "the circuit to open",
      async () => sumOf(await subject.page(), "plugin_breaker_open", labels),
      (open) => open === 1,
    );
  }
  if (log !== undefined) {
    const unattributed = metric?.labels === 'plugin="unattributed"';
    await until(
      "the log line",
      () => [...subject.log].filter(({ msg }) => log.test(msg)),
      (lines) => lines.some((line) => unattributed || names(line, row)),
    );
  }
  await until(
    "enough answers",
    () => load.answered - already,
    (answered) => answered >= ENOUGH,
  );
  if (abstains === true) expect(await subject.scores(row.plugin)).toContain(null);
  for (const line of subject.log) expect(JSON.stringify(line).length).toBeLessThan(10_000);
  await expectOthersUnharmed(row, subject);
}

/** No circuit of another plugin has opened; a call of theirs fails at most by being slow on a busy machine. */
async function expectOthersUnharmed(row: FaultRow, subject: Subject): Promise<void> {
  const others = (await subject.plugins()).filter(({ name }) => name !== row.plugin);
  expect(others.length).toBeGreaterThan(5);
  expect(others.flatMap(troublesOf)).toEqual([]);
  const open = seriesOf(await subject.page()).filter(
    ({ name, value }) => name === "plugin_breaker_open" && value !== 0,
  );
  expect(open.filter(({ labels }) => !labels.includes(`plugin_name="${row.plugin}"`))).toEqual([]);
}

function troublesOf({ name, capabilities }: PluginReport): string[] {
  return Object.entries(capabilities).flatMap(([capability, { corrected, lastError }]) => {
    if (corrected === 0 && (lastError === null || /^took \d/.test(lastError))) return [];
    return [`${name} ${capability}: ${lastError ?? "corrected"}`];
  });
}

/** Ends the load. Every request was served, or got the answer that the plugin has the right to give. */
async function expectServed(row: FaultRow, load: Load): Promise<void> {
  const { sent, statuses, refusal } = await load.end();
  const { status = 200 } = row.expect;
  const failed = [...statuses].filter(([code]) => code !== 200 && code !== status);
  expect(failed, refusal).toEqual([]);
  if (status === 200) expect(statuses.get(200)).toBe(sent);
  else expect(refusal).toContain(`filter ${row.plugin}`);
}
