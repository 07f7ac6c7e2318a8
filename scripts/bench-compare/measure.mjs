import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { tree } from "./processes.mjs";

const run = promisify(execFile);
const flags = (values) => Object.entries(values).flatMap(([name, value]) => [`-${name}`, String(value)]);

/**
 * One measurement of one picker by routerbench: its row, with `epp_cores`, `epp_cpu_ms_per_req`, `ttfb_ms_p99` and so
 * on. CPU is user and system time of the picker's own processes.
 */
export async function measure({ routerbench, scenario, picker, envoy, seconds, seed }) {
  const pids = `epp=${tree(picker.process.child.pid).join("+")},envoy=${envoy.child.pid}`;
  const timeout = (seconds + 90) * 1_000;
  if (scenario.load === undefined) {
    const { stdout } = await run(routerbench, ["idle", ...flags({ seconds, pids })], { timeout });
    return JSON.parse(stdout);
  }
  const url = `http://127.0.0.1:${picker.ports[scenario.envoy ?? picker.mode]}/v1/chat/completions`;
  const load = (shape, more) =>
    run(routerbench, ["load", ...flags({ url, duration: `${seconds}s`, seed, ...shape, ...more })], { timeout });
  const [{ stdout }] = await Promise.all([
    load(scenario.load, { pids }),
    ...(scenario.beside === undefined ? [] : [load(scenario.beside, { seed: seed + 1_000 })]),
  ]);
  const row = JSON.parse(stdout);
  // Its requests cost the picker, too: what one request costs cannot be told apart.
  if (scenario.beside !== undefined) delete row.epp_cpu_ms_per_req;
  return row;
}
