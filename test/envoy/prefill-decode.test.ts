import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createModelSim, type ModelSim } from "@pointsman/model-sim";
import { afterEach, expect, it } from "vitest";
import { Bootstrap, type BootstrapName } from "./harness/bootstrap.ts";
import { describeWithEnvoy } from "./harness/describe-with-envoy.ts";
import { type Envoy, startEnvoy } from "./harness/envoy-process.ts";
import { post } from "./harness/http.ts";
import { startLoad } from "./harness/load.ts";
import { type PickerProcess, pickPorts, startPickerProcess } from "./harness/picker-process.ts";
import { until } from "./harness/poll.ts";
import { addressOf, MODEL, writeEndpoints } from "./harness/stack.ts";

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: disagg-profile-handler
    parameters: { deciders: { prefill: always-disagg-pd-decider } }
  - type: always-disagg-pd-decider
  - type: prefill-filter
  - type: decode-filter
  - type: active-request-scorer
schedulingProfiles:
  - name: prefill
    plugins: [{ pluginRef: prefill-filter }, { pluginRef: active-request-scorer }]
  - name: decode
    plugins: [{ pluginRef: decode-filter }, { pluginRef: active-request-scorer }]
`;

interface Front {
  readonly envoy: Envoy;
  readonly picker: PickerProcess;
  readonly prefill: readonly ModelSim[];
  readonly decode: readonly ModelSim[];
}

describeWithEnvoy("prefill servers behind Envoy", () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function startFront(name: BootstrapName): Promise<Front> {
    const folder = mkdtempSync(join(tmpdir(), "pointsman-envoy-"));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const start = async (role: string): Promise<ModelSim[]> => {
      const sims: ModelSim[] = [];
      for (const i of [0, 1]) {
        const sim = await createModelSim({ name: `${role}-${i}`, models: [MODEL], ttftMs: 2, interTokenMs: 1 });
        sims.push(sim);
        cleanups.push(() => sim.close());
      }
      return sims;
    };
    const [prefill, decode] = [await start("prefill"), await start("decode")];
    const endpoints = join(folder, "endpoints.json");
    const member = (role: string) => (sim: ModelSim) => ({ name: sim.name, address: addressOf(sim), role });
    writeEndpoints(endpoints, [...prefill.map(member("prefill")), ...decode.map(member("decode"))]);
    const ports = await pickPorts();
    const picker = await startPickerProcess(ports, config, endpoints);
    cleanups.push(() => picker.crash());
    const bootstrap = new Bootstrap(name);
    // Envoy knows the decode servers alone.
    bootstrap.place({ ...ports, hosts: decode.map(addressOf) });
    const envoy = await startEnvoy(bootstrap.toString(), folder);
    cleanups.push(() => envoy.close());
    await until("envoy to find the picker well", () => envoy.pickerIsHealthy());
    return { envoy, picker, prefill, decode };
  }

  const requestsOf = (sims: readonly ModelSim[]) => sims.flatMap((sim) => sim.state().requests);

  for (const name of ["prefill-decode", "original-dst"] as const) {
    it(`get no request from clients with ${name}.yaml, with the picker and after it was killed`, async () => {
      const { envoy, picker, prefill, decode } = await startFront(name);
      const load = startLoad(envoy.url);
      await until("requests that were split", () => load.shots.length >= 20);
      expect(requestsOf(decode).some(({ headers }) => headers["x-prefiller-host-port"] !== undefined)).toBe(true);

      await picker.crash();
      const before = load.shots.length;
      await until("requests without the picker", () => load.shots.length >= before + 20);
      const shots = await load.stop();
      expect(shots.flatMap(({ failure }) => failure ?? [])).toEqual([]);

      // Whoever is away, a client does not choose the prefill server for the sidecar to call.
      const spoofed = { "x-prefiller-host-port": "6.6.6.6:666", "x-prefiller-url": "http://6.6.6.6:666" };
      const answer = await post(`${envoy.url}/v1/completions`, { model: MODEL, prompt: "x" }, spoofed);
      expect(answer.status).toBe(200);
      const last = requestsOf(decode)
        .sort((a, b) => a.arrivedAt - b.arrivedAt)
        .at(-1)!;
      expect(Object.keys(last.headers).filter((header) => header.startsWith("x-prefiller"))).toEqual([]);

      expect(requestsOf(prefill)).toEqual([]);
      expect(requestsOf(decode).length).toBeGreaterThanOrEqual(shots.length + 1);
    });
  }
});
