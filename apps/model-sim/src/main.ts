import { listenForSignals } from "@pointsman/command-line";
import { parseCommandLine, renderHelp } from "./command-line.ts";
import { createModelSim, type ModelSim } from "./model-sim.ts";

/**
 * `pointsman sim`: starts simulated servers, prints one line with the URL of each, and runs until SIGTERM or SIGINT.
 * Then it drains; a second signal ends it at once.
 *
 * @param argv the arguments behind `sim`
 * @returns the exit code: 0 after a drain or `--help`, 2 for a flag that cannot be used, 1 when a port cannot be had
 */
export async function main(argv: string[]): Promise<number> {
  const line = parseCommandLine(argv);
  if (line.kind === "help") {
    process.stdout.write(renderHelp());
    return 0;
  }
  if (line.kind === "error") {
    process.stderr.write(`pointsman sim: ${line.message}\nTry "pointsman sim --help".\n`);
    return 2;
  }
  // From the first server on, a signal must find somebody who listens.
  const signals = listenForSignals();
  const sims: ModelSim[] = [];
  try {
    for (let i = 0; i < line.servers; i++) {
      const { options, servers } = line;
      const port = options.port === 0 ? 0 : options.port + i;
      const name = servers === 1 ? options.name : `${options.name}-${i}`;
      const bootstrapPort = options.bootstrapPort === 0 ? 0 : options.bootstrapPort + i;
      const kvEvents = consecutive(options.kvEvents, i);
      const kvReplay = consecutive(options.kvReplay, i);
      const sim = await createModelSim({ ...options, port, bootstrapPort, name, kvEvents, kvReplay });
      sims.push(sim);
      process.stdout.write(`${name} listening on ${sim.url}\n`);
    }
    await signals.first;
    await Promise.race([signals.second, Promise.all(sims.map((sim) => sim.drain(line.drainMs)))]);
    return 0;
  } catch (error) {
    process.stderr.write(`pointsman sim: cannot listen: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  } finally {
    signals.stop();
    await Promise.all(sims.map((sim) => sim.close()));
  }
}

/** Address of the i-th of several servers: those that listen need a port each. */
function consecutive(address: string, i: number): string {
  const port = /^tcp:\/\/\*:(\d+)$/.exec(address)?.[1];
  return port === undefined || port === "0" ? address : `tcp://*:${Number(port) + i}`;
}
