import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createModelSim, type ModelSim } from "@pointsman/model-sim";

/** Simulated model servers, and a file that names them. */
export interface Fleet {
  readonly sims: readonly ModelSim[];
  readonly folder: string;
  readonly endpointsFile: string;
  close(): Promise<void>;
}

export async function startFleet(): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-faults-"));
  const sims = await Promise.all(
    [0, 1, 2].map((i) =>
      createModelSim({ name: `sim-${i}`, models: ["sim-model"], ttftMs: 2, interTokenMs: 1, prefillUsPerToken: 0 }),
    ),
  );
  const endpointsFile = join(folder, "endpoints.json");
  const endpoints = sims.map(({ name, host, port }) => ({ name, address: host, port }));
  writeFileSync(endpointsFile, JSON.stringify({ endpoints }));
  return {
    sims,
    folder,
    endpointsFile,
    async close() {
      await Promise.all(sims.map((sim) => sim.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
