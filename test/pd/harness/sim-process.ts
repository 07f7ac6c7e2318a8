import type { ModelSimState } from "@pointsman/model-sim";
import { type Running, startCommand } from "./command.ts";

/** A simulated model server in a process of its own, so that it can die as one. */
export interface SimProcess {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** `host:port` */
  readonly address: string;
  /** What it has done since it was last started. */
  state(): Promise<ModelSimState>;
  /** Switches a failure on; see `POST /sim/failure`. */
  fail(failure: Readonly<Record<string, unknown>>): Promise<void>;
  kill(): Promise<void>;
  /** Starts it again on its port, with nothing remembered. */
  restart(): Promise<void>;
}

export async function startSim(name: string, flags: readonly string[]): Promise<SimProcess> {
  const start = (port: number): Promise<Running> =>
    startCommand(["sim", "--name", name, "--port", String(port), ...flags], (lines) => urlIn(lines) !== undefined);
  let running = await start(0);
  const { hostname: host, port: text } = new URL(urlIn(running.lines)!);
  const port = Number(text);
  const address = `${host}:${port}`;
  return {
    name,
    host,
    port,
    address,
    state: async () => (await (await fetch(`http://${address}/sim/state`)).json()) as ModelSimState,
    async fail(failure) {
      const answer = await fetch(`http://${address}/sim/failure`, { method: "POST", body: JSON.stringify(failure) });
      if (!answer.ok) throw new Error(await answer.text());
    },
    kill: () => running.kill(),
    async restart() {
      await running.kill();
      running = await start(port);
    },
  };
}

function urlIn(lines: readonly string[]): string | undefined {
  return lines.map((line) => / listening on (\S+)$/.exec(line)?.[1]).find((url) => url !== undefined);
}
