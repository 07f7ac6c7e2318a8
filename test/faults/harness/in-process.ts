import { createServer } from "node:net";
import { DiagnosticError } from "@pointsman/diagnostics";
import { createEpp, type Epp, loadPickerConfig, type PickerConfig } from "@pointsman/epp";
import { createGateway, type Gateway } from "@pointsman/gateway";
import { createLogger } from "@pointsman/telemetry";
import type { FaultRow } from "../rows.ts";
import { configFor } from "./config.ts";
import type { Fleet } from "./fleet.ts";
import { until } from "./poll.ts";
import { sumOf } from "./series.ts";
import { fetchPlugins, fetchScores, type LogLine, type Subject } from "./subject.ts";

/** One picker in this process for many offenders, one after the other: a reload brings each in and takes it out. */
export class Host {
  readonly #fleet: Fleet;
  readonly #epp: Epp;
  readonly #gateway: Gateway;
  readonly #log: LogLine[];

  private constructor(fleet: Fleet, epp: Epp, gateway: Gateway, log: LogLine[]) {
    this.#fleet = fleet;
    this.#epp = epp;
    this.#gateway = gateway;
    this.#log = log;
  }

  static async start(fleet: Fleet, config = configFor(undefined)): Promise<Host> {
    const log: LogLine[] = [];
    const epp = await createEpp({
      picker: await load(config, fleet),
      log: createLogger({ level: "debug", destination: { write: (line) => void log.push(JSON.parse(line)) } }),
      pool: "faults",
      ports: { grpc: 0, admin: 0 },
      decisionTimeoutMs: 300,
      gaugeIntervalMs: 100,
      streamMetrics: true,
      pluginLimits: { setupMs: 3_000, startMs: 3_000, stopMs: 500 },
    });
    const gateway = await createGateway({ host: "127.0.0.1", port: 0, picker: `127.0.0.1:${epp.ports.grpc}` });
    await until("the picker to be ready", () => epp.ready, Boolean);
    return new Host(fleet, epp, gateway, log);
  }

  get url(): string {
    return this.#gateway.url;
  }

  page(): Promise<string> {
    return this.#epp.metricsPage();
  }

  scores(scorer: string): Promise<readonly (number | null)[]> {
    return fetchScores(this.#epp.ports.admin, scorer);
  }

  /** Brings the offender in. @throws DiagnosticError when it is refused; the plugins that behave go on then. */
  async admit(row: FaultRow): Promise<Subject> {
    const port = row.parameters?.["listens"] === undefined ? undefined : await takenPort();
    const already = this.#log.length;
    try {
      const parameters = port === undefined ? {} : { port: port.number };
      await this.#epp.reload(await load(configFor(row, parameters), this.#fleet));
    } finally {
      port?.close();
    }
    return {
      url: this.url,
      log: { [Symbol.iterator]: () => this.#log.slice(already)[Symbol.iterator]() },
      page: () => this.page(),
      plugins: () => fetchPlugins(this.#epp.ports.admin),
      scores: (scorer) => this.scores(scorer),
      end: async () => this.#epp.reload(await load(configFor(undefined), this.#fleet)),
    };
  }

  /** Fails unless nothing is in flight any more, by any counter. */
  async expectIdle(): Promise<void> {
    const names = ["extproc_streams_inflight", "request_running", "inflight_requests"];
    await until(
      "all counters of requests in flight to be 0",
      async () => {
        const page = await this.#epp.metricsPage();
        return [this.#epp.activeStreams, this.#gateway.stats().active, ...names.map((name) => sumOf(page, name))];
      },
      (counts) => counts.every((count) => count === 0),
    );
  }

  async close(): Promise<void> {
    await this.#gateway.close();
    await this.#epp.drain(0);
  }
}

async function load(text: string, { endpointsFile, folder }: Fleet): Promise<PickerConfig> {
  const { picker, diagnostics } = await loadPickerConfig({ text, cwd: folder, pluginRoots: [], endpointsFile });
  if (picker === undefined) throw new DiagnosticError(diagnostics);
  return picker;
}

/** A port that somebody listens on. */
export async function takenPort(): Promise<{ readonly number: number; close(): void }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { number: (server.address() as { port: number }).port, close: () => void server.close() };
}
