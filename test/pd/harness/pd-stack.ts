import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DecisionReport } from "@pointsman/epp";
import { Bootstrap } from "../../envoy/harness/bootstrap.ts";
import { type Envoy, startEnvoy } from "../../envoy/harness/envoy-process.ts";
import { type PickerProcess, pickPorts, startPickerProcess } from "../../envoy/harness/picker-process.ts";
import { poll, until } from "../../envoy/harness/poll.ts";
import { MODEL, writeEndpoints } from "../../envoy/harness/stack.ts";
import { runCommand } from "./command.ts";
import { heldIn, type SidecarProcess, startSidecarProcess } from "./sidecar-process.ts";
import { type SimProcess, startSim } from "./sim-process.ts";

/** Prompt tokens that are not cached from which a request is split. */
export const SPLIT_FROM = 100;

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: disagg-profile-handler
    parameters: { deciders: { prefill: prefix-based-pd-decider } }
  - type: prefix-based-pd-decider
    parameters: { nonCachedTokens: ${SPLIT_FROM} }
  - type: prefill-filter
  - type: decode-filter
  - type: prefix-cache-scorer
  - type: active-request-scorer
schedulingProfiles:
  - name: prefill
    plugins: [{ pluginRef: prefill-filter }, { pluginRef: prefix-cache-scorer }, { pluginRef: active-request-scorer, weight: 2 }]
  - name: decode
    plugins: [{ pluginRef: decode-filter }, { pluginRef: prefix-cache-scorer }, { pluginRef: active-request-scorer, weight: 2 }]
`;

export interface PdStackOptions {
  /** Flags of the prefill simulators, over the defaults. */
  readonly prefillFlags?: readonly string[];
  readonly decodeFlags?: readonly string[];
  readonly sidecarFlags?: readonly string[];
}

/** A real Envoy, the picker, two sidecars, two prefill and two decode simulators, each a process of its own. */
export interface PdStack {
  readonly url: string;
  readonly envoy: Envoy;
  readonly picker: PickerProcess;
  readonly prefill: readonly SimProcess[];
  readonly decode: readonly SimProcess[];
  readonly sidecars: readonly SidecarProcess[];
  /** The finished decision of a request. */
  decided(requestId: string): Promise<DecisionReport>;
  /** What `pointsman why` prints. */
  why(requestId: string): Promise<string>;
  /** Fails unless, before long, nothing runs, waits or is held anywhere, KV blocks included. */
  expectIdle(): Promise<void>;
  close(): Promise<void>;
}

export async function startPdStack(options: PdStackOptions = {}): Promise<PdStack> {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-pd-"));
  const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    const common = ["--model", MODEL, "--inter-token-ms", "2", "--num-blocks", "20000", "--max-num-seqs", "64"];
    const simulate = async (name: string, flags: readonly string[]): Promise<SimProcess> => {
      const sim = await startSim(name, [...common, ...flags]);
      cleanups.push(() => sim.kill());
      return sim;
    };
    const prefillFlags = [
      "--role",
      "prefill",
      "--ttft-ms",
      "5",
      "--prefill-us-per-token",
      "50",
      ...(options.prefillFlags ?? []),
    ];
    const decodeFlags = [
      "--role",
      "decode",
      "--ttft-ms",
      "5",
      "--prefill-us-per-token",
      "50",
      ...(options.decodeFlags ?? []),
    ];
    const prefill = await all(["prefill-0", "prefill-1"].map((name) => simulate(name, prefillFlags)));
    const decode = await all(["decode-0", "decode-1"].map((name) => simulate(name, decodeFlags)));
    const sidecars = await all(
      decode.map(async (sim) => {
        const sidecar = await startSidecarProcess(sim, options.sidecarFlags ?? []);
        cleanups.push(() => sidecar.kill());
        return sidecar;
      }),
    );
    const endpoints = join(folder, "endpoints.json");
    writeEndpoints(endpoints, [
      ...prefill.map(({ name, address }) => ({ name, address, role: "prefill" })),
      ...sidecars.map(({ address }, i) => ({ name: `decode-${i}`, address, role: "decode" })),
    ]);
    const ports = await pickPorts();
    const picker = await startPickerProcess(ports, config, endpoints);
    cleanups.push(() => picker.crash());
    const bootstrap = new Bootstrap("prefill-decode");
    bootstrap.place({ ...ports, hosts: sidecars.map(({ address }) => address) });
    const envoy = await startEnvoy(bootstrap.toString(), folder);
    cleanups.push(() => envoy.close());
    await until("envoy to find the picker well", () => envoy.pickerIsHealthy());

    const held = async () => ({
      sims: await Promise.all(
        [...prefill, ...decode].map(async (sim) => {
          const { name, running, waiting, kvUsage, heldBlocks } = await sim.state();
          return { name, held: [running, waiting, kvUsage, heldBlocks] };
        }),
      ),
      sidecars: await Promise.all(
        sidecars.map(async (sidecar) => ({ name: sidecar.address, held: heldIn(await sidecar.metricsPage()) })),
      ),
    });
    return {
      url: envoy.url,
      envoy,
      picker,
      prefill,
      decode,
      sidecars,
      decided: (id) =>
        poll(`the decision of ${id}`, async () => {
          const answer = await fetch(`http://127.0.0.1:${ports.admin}/debug/decisions/${id}`);
          if (!answer.ok) return undefined;
          const { decisions } = (await answer.json()) as { decisions: DecisionReport[] };
          return decisions.find(({ outcome }) => outcome !== null);
        }),
      why: (id) => runCommand(["why", id, "--admin-port", String(ports.admin)]),
      async expectIdle() {
        await picker.expectIdle();
        await until(
          "all queues and KV blocks to be free",
          async () => {
            const all = await held();
            return [...all.sims, ...all.sidecars].every((one) => one.held.every((value) => value === 0));
          },
          held,
        );
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Like `Promise.all`, but waits for the rest when one fails: what has started must be known before it is ended. */
async function all<T>(starts: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(starts);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
