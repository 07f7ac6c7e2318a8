import { mkdir, writeFile } from "node:fs/promises";
import { Session } from "node:inspector/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@pointsman/plugin-api";

/** Long enough to see a whole scrape interval and some collections of garbage, in milliseconds. */
const PROFILE_MS = 10_000;

export interface CpuProfileOptions {
  /** Made when it is missing. */
  readonly folder: string;
  readonly log: Logger;
  readonly durationMs?: number;
}

/**
 * Profiles the CPU for ten seconds at each SIGUSR2 and writes a `.cpuprofile`, which Chrome's and VS Code's tools open.
 * A signal during a profile is ignored. Where it fails, that is logged; requests are not concerned.
 *
 * @returns ends a profile under way without writing it, and leaves the signal to others
 */
export function profileOnSignal({ folder, log, durationMs = PROFILE_MS }: CpuProfileOptions): () => void {
  let session: Session | undefined;

  async function profile(): Promise<void> {
    if (session !== undefined) return;
    const own = new Session();
    session = own;
    own.connect();
    try {
      await own.post("Profiler.enable");
      await own.post("Profiler.start");
      log.info("profiling the CPU", { seconds: durationMs / 1_000 });
      await sleep(durationMs, undefined, { ref: false });
      if (session !== own) return;
      const { profile: result } = await own.post("Profiler.stop");
      await mkdir(folder, { recursive: true });
      const file = join(folder, `pointsman-${new Date().toISOString().replaceAll(":", "-")}.cpuprofile`);
      await writeFile(file, JSON.stringify(result));
      log.info("wrote a CPU profile", { file });
    } catch (error) {
      log.error("no CPU profile was written", { error: error instanceof Error ? error.message : String(error) });
    } finally {
      own.disconnect();
      if (session === own) session = undefined;
    }
  }

  const onSignal = (): void => void profile();
  process.on("SIGUSR2", onSignal);
  return () => {
    process.off("SIGUSR2", onSignal);
    session = undefined;
  };
}
