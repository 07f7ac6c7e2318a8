import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithEnvoy } from "../envoy/harness/describe-with-envoy.ts";
import { residentMiB } from "./harness/command.ts";
import { failuresOf, startLoad } from "./harness/load.ts";
import { type PdStack, startPdStack } from "./harness/pd-stack.ts";

/** Length of the load; the ten-minute run sets POINTSMAN_PD_SOAK_SECONDS=600. */
const SECONDS = Number(process.env["POINTSMAN_PD_SOAK_SECONDS"] ?? 8);
const PER_SECOND = 30;
/** What a process may gain between the second and the last quarter, whatever its size. */
const SLACK_MIB = 48;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const mean = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

describeWithEnvoy(`${SECONDS} s of load`, () => {
  let stack: PdStack;
  beforeAll(async () => {
    stack = await startPdStack({ prefillFlags: ["--kv-transfer-timeout-ms", "2000"] });
  });
  afterAll(() => stack?.close());

  it(
    "with prefill servers that die now and then fail no request and leave memory, queues and KV blocks as they were",
    async () => {
      const pids: Readonly<Record<string, number>> = {
        picker: stack.picker.pid,
        "sidecar 0": stack.sidecars[0]!.pid,
        "sidecar 1": stack.sidecars[1]!.pid,
      };
      const load = startLoad(stack.url, PER_SECOND);
      const samples = new Map(Object.keys(pids).map((name) => [name, [] as number[]]));
      const startedAt = Date.now();
      const endsAt = startedAt + SECONDS * 1_000;
      const victims = Math.max(2, Math.round(SECONDS / 30));
      const killEvery = (SECONDS * 1_000) / victims;
      for (let killed = 0; Date.now() < endsAt; ) {
        const victim = Date.now() > startedAt + (killed + 0.5) * killEvery ? stack.prefill[killed++ % 2] : undefined;
        await victim?.kill();
        await pause(SECONDS * 10);
        await victim?.restart();
        for (const [name, pid] of Object.entries(pids)) samples.get(name)!.push(residentMiB(pid));
      }
      const shots = await load.stop();
      expect(failuresOf(shots)).toEqual([]);
      expect(shots.filter(({ long }) => long).length).toBeGreaterThan(SECONDS * PER_SECOND * 0.3);
      await stack.expectIdle();
      for (const [name, memory] of samples) {
        const quarter = memory.length / 4;
        const early = mean(memory.slice(quarter, 2 * quarter));
        const late = mean(memory.slice(3 * quarter));
        console.info(`${name}: ${early.toFixed(0)} MiB in the second quarter, ${late.toFixed(0)} MiB in the last`);
        expect(late - early, name).toBeLessThan(SLACK_MIB + 0.1 * early);
      }
    },
    SECONDS * 1_000 + 240_000,
  );
});
