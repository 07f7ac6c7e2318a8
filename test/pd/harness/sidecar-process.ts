import { freePort } from "../../envoy/harness/free-port.ts";
import { seriesOf } from "../../envoy/harness/metrics-page.ts";
import { startCommand } from "./command.ts";
import type { SimProcess } from "./sim-process.ts";

/** `pointsman sidecar` in front of a decode server. */
export interface SidecarProcess {
  readonly pid: number;
  /** `host:port` for Envoy and the picker. */
  readonly address: string;
  metricsPage(): Promise<string>;
  kill(): Promise<void>;
}

export async function startSidecarProcess(decoder: SimProcess, flags: readonly string[]): Promise<SidecarProcess> {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const own = ["--host=127.0.0.1", `--port=${port}`, `--metrics-port=${metricsPort}`, "--secure-proxy=false"];
  const argv = ["sidecar", ...own, `--model-server-port=${decoder.port}`, ...flags];
  const { pid, kill } = await startCommand(argv, (lines) => lines.some((line) => line.includes("sidecar listening")));
  return {
    pid,
    address: `127.0.0.1:${port}`,
    metricsPage: async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text(),
    kill,
  };
}

/** Everything that a sidecar holds; all 0 when nothing runs. */
export function heldIn(page: string): number[] {
  const names = ["queue_depth", "decodes_running", "prefills_running", "buffered_bytes"];
  return names.flatMap((name) => [...seriesOf(page, `llm_d_sidecar_${name}`).values()]);
}
