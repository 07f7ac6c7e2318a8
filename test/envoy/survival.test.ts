import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createModelSim, type ModelSim } from "@pointsman/model-sim";
import { afterEach, expect, it } from "vitest";
import { Bootstrap, type BootstrapName } from "./harness/bootstrap.ts";
import { describeWithEnvoy } from "./harness/describe-with-envoy.ts";
import { type Envoy, startEnvoy } from "./harness/envoy-process.ts";
import { eventsOf, open, post, read } from "./harness/http.ts";
import { type Load, type Shot, startLoad } from "./harness/load.ts";
import { sumOf } from "./harness/metrics-page.ts";
import { type PickerPorts, type PickerProcess, pickPorts, startPickerProcess } from "./harness/picker-process.ts";
import { until } from "./harness/poll.ts";
import { addressOf, MODEL, writeEndpoints } from "./harness/stack.ts";

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: active-request-scorer
`;

/** Requests before, between and after what happens. */
const SOME = 20;

interface Front {
  readonly envoy: Envoy;
  readonly load: Load;
  readonly picker: PickerProcess;
  restart(): Promise<PickerProcess>;
  /** Waits until so many more requests have ended. */
  more(count: number): Promise<void>;
}

describeWithEnvoy("while 20 requests a second come in", () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function startFront(name: BootstrapName, edit?: (bootstrap: Bootstrap) => void): Promise<Front> {
    const folder = mkdtempSync(join(tmpdir(), "pointsman-envoy-"));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const sims: ModelSim[] = [];
    for (const sim of ["sim-0", "sim-1"]) {
      sims.push(await createModelSim({ name: sim, models: [MODEL], ttftMs: 2, interTokenMs: 4 }));
    }
    cleanups.push(() => Promise.all(sims.map((sim) => sim.close())));
    const endpoints = join(folder, "endpoints.json");
    writeEndpoints(
      endpoints,
      sims.map((sim) => ({ name: sim.name, address: addressOf(sim) })),
    );
    const ports: PickerPorts = await pickPorts();
    const start = async (): Promise<PickerProcess> => {
      const picker = await startPickerProcess(ports, config, endpoints);
      cleanups.push(() => picker.crash());
      return picker;
    };
    const picker = await start();
    const bootstrap = new Bootstrap(name);
    bootstrap.place({ ...ports, hosts: sims.map(addressOf) });
    edit?.(bootstrap);
    const envoy = await startEnvoy(bootstrap.toString(), folder);
    cleanups.push(() => envoy.close());
    await until("envoy to find the picker well", () => envoy.pickerIsHealthy());
    const load = startLoad(envoy.url);
    cleanups.push(() => load.stop());
    const more = (count: number): Promise<void> => {
      const goal = load.shots.length + count;
      return until(`${count} more requests`, () => load.shots.length >= goal);
    };
    await more(SOME);
    return { envoy, load, picker, restart: start, more };
  }

  const failed = (shots: readonly Shot[]): (string | undefined)[] =>
    shots.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));

  /** Waits until the new picker decides, and some more. */
  async function back({ envoy, more }: Front, picker: PickerProcess): Promise<void> {
    await until("envoy to find the picker well", () => envoy.pickerIsHealthy());
    await until("decisions", async () => sumOf(await picker.metricsPage(), "llm_d_epp_request_total") > 0);
    await more(SOME);
  }

  for (const name of ["override-host", "original-dst"] as const) {
    it(`a picker that is killed and comes back costs no request with ${name}.yaml`, async () => {
      const front = await startFront(name);
      await front.picker.crash();
      await front.more(SOME);
      const picker = await front.restart();
      await back(front, picker);
      const shots = await front.load.stop();
      expect(shots.length).toBeGreaterThan(3 * SOME);
      expect(failed(shots)).toEqual([]);
      await picker.expectIdle();
      expect(await front.envoy.stat("http.inference.ext_proc.failure_mode_allowed")).toBeGreaterThan(0);
    });
  }

  for (const name of ["override-host-fail-closed", "full-duplex"] as const) {
    it(`a picker that is killed costs the requests it was busy with and those until it is back, with ${name}.yaml`, async () => {
      const front = await startFront(name);
      const crashedAt = Date.now();
      await front.picker.crash();
      await front.more(SOME);
      const picker = await front.restart();
      await until("envoy to find the picker well", () => front.envoy.pickerIsHealthy());
      const backAt = Date.now();
      await back(front, picker);
      const shots = await front.load.stop();
      const outside = shots.filter(({ startedAt, endedAt }) => endedAt < crashedAt || startedAt > backAt);
      expect(outside.length).toBeGreaterThan(SOME);
      expect(failed(outside)).toEqual([]);
      const within = failed(shots);
      expect(within.length).toBeGreaterThan(0);
      // Refused while it was down: a status that clients try again. The rest was running when it was killed.
      const refused = within.filter((failure) => failure?.startsWith("503 "));
      expect(refused.length).toBeGreaterThan(within.length / 2);
      await picker.expectIdle();
    });
  }

  it("a picker that hangs for a while costs no request with override-host.yaml", async () => {
    const front = await startFront("override-host", (bootstrap) => bootstrap.setExtProc(["message_timeout"], "0.25s"));
    front.picker.pause();
    await front.more(2 * SOME);
    front.picker.resume();
    await back(front, front.picker);
    expect(failed(await front.load.stop())).toEqual([]);
    await front.picker.expectIdle();
    expect(await front.envoy.stat("http.inference.ext_proc.message_timeouts")).toBeGreaterThan(0);
  });

  it("a picker that hangs makes 504 with override-host-fail-closed.yaml", async () => {
    const front = await startFront("override-host-fail-closed", (bootstrap) => {
      bootstrap.setExtProc(["message_timeout"], "0.25s");
    });
    await front.load.stop();
    front.picker.pause();
    const answer = await post(`${front.envoy.url}/v1/completions`, { model: MODEL, prompt: "x" });
    expect(answer.status).toBe(504);
    front.picker.resume();
    await front.picker.expectIdle();
  });

  for (const name of ["override-host", "original-dst"] as const) {
    it(`a picker that is asked to stop finishes its work and costs no request with ${name}.yaml`, async () => {
      const front = await startFront(name);
      expect(await front.picker.terminate()).toBe(0);
      await front.more(SOME);
      const picker = await front.restart();
      await back(front, picker);
      expect(failed(await front.load.stop())).toEqual([]);
      await picker.expectIdle();
    });
  }

  for (const name of ["override-host-fail-closed", "full-duplex"] as const) {
    it(`a picker that is asked to stop lets a running answer finish with ${name}.yaml`, async () => {
      const front = await startFront(name);
      await front.load.stop();
      await front.picker.expectIdle();
      const body = { model: MODEL, prompt: "x", stream: true, ignore_eos: true, max_tokens: 400 };
      const response = await open(`${front.envoy.url}/v1/completions`, body);
      const stopped = front.picker.terminate();
      await until("envoy to take the picker off", async () => !(await front.envoy.pickerIsHealthy()));
      const { text } = await read(response);
      expect(eventsOf(text)).toHaveLength(400);
      expect(text).toMatch(/data: \[DONE\]\n\n$/);
      expect(await stopped).toBe(0);
    });
  }
});
