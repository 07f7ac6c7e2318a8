/**
 * `npm run dev`: runs the demo with this plugin in its config, and again whenever the code or the config has changed.
 * Arguments go to `pointsman demo`.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, watch } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");
const isTypeScript = existsSync(join(root, "tsconfig.json"));
const code = join(root, isTypeScript ? "dist" : "src");
/** Files are written in bursts. */
const QUIET_MS = 250;

const pointsman = [
  ...[commandOf("pointsman", "pointsman"), "demo", "--config-file", "dev/pointsman.config.yaml", "--plugin-root", "."],
  ...process.argv.slice(2),
];
const compiler = isTypeScript ? [commandOf("typescript", "tsc")] : undefined;

let demo;
let compiling;
let timer;
let restarting = Promise.resolve();
let stopped = false;

process.once("SIGINT", stop);
process.once("SIGTERM", stop);

if (compiler !== undefined) {
  // Once to the end, so that there is something to start; then again with every change.
  await ended(run(compiler));
  if (!stopped) compiling = run([...compiler, "--watch", "--preserveWatchOutput"]);
}
if (!stopped) {
  for (const folder of [code, import.meta.dirname]) watch(folder, { recursive: true }, onChange);
  restart();
}

function onChange(_event, file) {
  if (file !== null && !/\.(js|mjs|cjs|json|yaml|yml)$/.test(file)) return;
  clearTimeout(timer);
  timer = setTimeout(() => {
    console.log("\n── changed: starting again");
    restart();
  }, QUIET_MS);
}

/** One after the other: the ports must be free before they are taken again. */
function restart() {
  restarting = restarting.then(async () => {
    await end(demo);
    if (stopped) return;
    const child = (demo = run(pointsman));
    child.once("exit", (status, signal) => {
      if (stopped || child !== demo || signal !== null || status === 0) return;
      console.log(`\n── the demo ended with code ${status}; it starts again with the next change`);
    });
  });
}

async function stop() {
  stopped = true;
  clearTimeout(timer);
  await Promise.all([end(demo), end(compiling)]);
  process.exit(0);
}

function run([file, ...args]) {
  return spawn(process.execPath, [file, ...args], { cwd: root, stdio: "inherit" });
}

function ended(child) {
  return new Promise((resolve) => child.once("exit", resolve));
}

async function end(child) {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = ended(child);
  child.kill("SIGTERM");
  await gone;
}

/** The file behind a command of an installed package. */
function commandOf(name, command) {
  const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
  const { bin } = JSON.parse(readFileSync(manifest, "utf8"));
  return join(dirname(manifest), bin[command]);
}
