import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createEpp,
  type DecisionReport,
  type Epp,
  type EppOptions,
  loadPickerConfig,
  reportDecision,
} from "@pointsman/epp";
import { createModelSim, type ModelSim, type ModelSimOptions } from "@pointsman/model-sim";
import { InFlightRequests } from "@pointsman/plugin-api/keys";
import { createLogger } from "@pointsman/telemetry";
import { Bootstrap, type BootstrapName } from "./bootstrap.ts";
import { type Envoy, startEnvoy } from "./envoy-process.ts";
import { seriesOf } from "./metrics-page.ts";
import { poll, until } from "./poll.ts";

/** What the sims are called as models. */
export const MODEL = "sim-model";

export interface PoolMember {
  readonly name: string;
  readonly address: string;
  /** `llm-d.ai/role`, where it has one. */
  readonly role?: string;
}

export interface StackOptions {
  readonly bootstrap: BootstrapName;
  /** Changes to the bootstrap, once the addresses of the sims are known. */
  readonly edit?: (bootstrap: Bootstrap, sims: readonly ModelSim[]) => void;
  /** How many simulated model servers there are. Default 2. */
  readonly sims?: number;
  readonly simOptions?: Partial<ModelSimOptions>;
  /** More members of the pool, before the sims. Default none. */
  readonly strangers?: readonly PoolMember[];
  /** EndpointPickerConfig. */
  readonly config: string;
  readonly epp?: Partial<EppOptions>;
}

/** Simulated model servers, a picker in this process, and an Envoy in front. */
export interface Stack {
  readonly url: string;
  readonly sims: readonly ModelSim[];
  readonly epp: Epp;
  readonly envoy: Envoy;
  /** What the picker has logged, one object a line. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** Replaces the endpoints of the pool and waits until the picker has them. */
  setPool(members: readonly PoolMember[]): Promise<void>;
  /** The members as they were at the start. */
  readonly members: readonly PoolMember[];
  /** Waits for the finished decision of a request. */
  decided(requestId: string): Promise<DecisionReport>;
  /** In-flight requests as the picker counts them, by name of the endpoint. */
  inFlight(): Readonly<Record<string, number | undefined>>;
  /** Fails unless, before long, no stream is open and every counter of running requests is 0. */
  expectIdle(): Promise<void>;
  close(): Promise<void>;
}

/** `ip:port` of a sim. */
export function addressOf({ host, port }: ModelSim): string {
  return `${host}:${port}`;
}

export async function startStack(options: StackOptions): Promise<Stack> {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-envoy-"));
  const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    const sims: ModelSim[] = [];
    for (let i = 0; i < (options.sims ?? 2); i += 1) {
      // Room for the longest answers: nothing waits for KV blocks.
      const quick = { ttftMs: 1, interTokenMs: 1, prefillUsPerToken: 0, numBlocks: 100_000 };
      const sim = await createModelSim({ name: `sim-${i}`, models: [MODEL], ...quick, ...options.simOptions });
      sims.push(sim);
      cleanups.push(() => sim.close());
    }
    const known = sims.map((sim): PoolMember => ({ name: sim.name, address: addressOf(sim) }));
    const members = [...(options.strangers ?? []), ...known];
    const endpointsFile = join(folder, "endpoints.json");
    writeEndpoints(endpointsFile, members);
    const log: Record<string, unknown>[] = [];
    const epp = await startPicker(options, endpointsFile, log);
    cleanups.push(() => epp.drain(0));
    const bootstrap = new Bootstrap(options.bootstrap);
    bootstrap.place({ ...epp.ports, hosts: sims.map(addressOf) });
    options.edit?.(bootstrap, sims);
    await until("the picker to be ready", () => epp.ready);
    const envoy = await startEnvoy(bootstrap.toString(), folder);
    cleanups.push(() => envoy.close());
    await until("envoy to find the picker well", () => envoy.pickerIsHealthy());
    return {
      url: envoy.url,
      sims,
      epp,
      envoy,
      log,
      members,
      async setPool(next) {
        writeEndpoints(endpointsFile, next);
        const names = next.map(({ name }) => name).join();
        await until(
          "the new pool",
          () =>
            epp.datastore
              .snapshot()
              .endpoints.map(({ name }) => name)
              .join() === names,
        );
      },
      decided: (id) =>
        poll(`the decision of ${id}`, () => {
          const record = epp.decisions.find(id)[0];
          return record?.outcome === undefined ? undefined : reportDecision(record);
        }),
      inFlight: () => inFlightOf(epp),
      expectIdle: () => expectIdle(epp),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startPicker(
  { config, epp }: StackOptions,
  endpointsFile: string,
  log: Record<string, unknown>[],
): Promise<Epp> {
  const { picker, diagnostics } = await loadPickerConfig({
    text: config,
    cwd: import.meta.dirname,
    pluginRoots: [],
    endpointsFile,
  });
  if (picker === undefined) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return createEpp({
    picker,
    log: createLogger({ level: "debug", destination: { write: (line) => log.push(JSON.parse(line)) } }),
    pool: "test",
    ports: { grpc: 0, health: 0 },
    seed: "test",
    allowExperimental: true,
    streamMetrics: true,
    ...epp,
  });
}

/** By a rename, so that nobody reads half a file. */
export function writeEndpoints(file: string, members: readonly PoolMember[]): void {
  const endpoints = members.map(({ name, address, role }) => {
    const [host, port] = address.split(":");
    return {
      name,
      address: host,
      port: Number(port),
      ...(role === undefined ? {} : { labels: { "llm-d.ai/role": role } }),
    };
  });
  writeFileSync(`${file}.new`, JSON.stringify({ endpoints }));
  renameSync(`${file}.new`, file);
}

function inFlightOf(epp: Epp): Record<string, number | undefined> {
  return Object.fromEntries(
    epp.datastore.snapshot().endpoints.map((endpoint) => [endpoint.name, endpoint.get(InFlightRequests)]),
  );
}

async function expectIdle(epp: Epp): Promise<void> {
  const counters = async () => {
    const page = await epp.metricsPage();
    return {
      activeStreams: epp.activeStreams,
      streamsInflight: [...seriesOf(page, "llm_d_epp_extproc_streams_inflight").values()],
      inFlight: Object.values(inFlightOf(epp)),
      running: [...seriesOf(page, "llm_d_epp_request_running").values()],
    };
  };
  await until(
    "all counters of running requests to be 0",
    async () => {
      const { activeStreams, streamsInflight, inFlight, running } = await counters();
      return activeStreams === 0 && [...streamsInflight, ...inFlight, ...running].every((value) => value === 0);
    },
    counters,
  );
}
