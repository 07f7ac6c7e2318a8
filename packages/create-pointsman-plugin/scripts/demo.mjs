/**
 * `pnpm --filter create-pointsman-plugin demo`: the five-minute story in a temporary folder, each step with its time.
 * Packed tarballs of the workspace stand in for what will be published; everything else comes from the registry that
 * npm is configured for. `--keep` leaves the folder in place, `--no-compile` packs the workspace as it was built.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAME = "my-scorer";
const root = join(import.meta.dirname, "..", "..", "..");
const keep = process.argv.includes("--keep");
const compile = !process.argv.includes("--no-compile");
const folder = mkdtempSync(join(tmpdir(), "pointsman-story-"));
const tarballs = join(folder, "tarballs");
const plugin = join(folder, NAME);
const times = [];

try {
  mkdirSync(tarballs);
  if (compile) await step("compile the workspace", root, [process.execPath, tscOf(root), "-b"]);
  await step("pack what would be published", root, [
    ...pnpm(),
    "-r",
    ...filters(),
    "pack",
    "--pack-destination",
    tarballs,
  ]);
  const files = readdirSync(tarballs).map((name) => join(tarballs, name));
  const creator = files.find((file) => /create-pointsman-plugin-[\d.]+\.tgz$/.test(file));
  const others = files.filter((file) => file !== creator);
  times.length = 0;

  // What `npm create pointsman-plugin my-scorer -- --kind scorer --no-install` runs.
  const create = ["npm", "exec", "--yes", "--prefer-offline", `--package=${creator}`, "--", "create-pointsman-plugin"];
  await step("create the package", folder, [...create, NAME, "--kind", "scorer", "--no-install"]);
  const quiet = ["--no-audit", "--no-fund", "--prefer-offline"];
  await step("install", plugin, ["npm", "install", "--no-save", ...quiet, ...others]);
  await step("build and test", plugin, ["npm", "test"]);
  const demo = ["demo", "--once", "--config-file", "dev/pointsman.config.yaml", "--plugin-root", "."];
  const output = await step("route requests", plugin, ["npx", "--no-install", "pointsman", ...demo], readFirstDecision);

  const decisions = output.split("\n").filter((line) => / → sim-\d/.test(line));
  const scored = decisions.filter((line) => / my \d\.\d\d×2/.test(line));
  if (scored.length === 0) throw new Error(`no decision shows the scorer:\n${output}`);
  console.log(`\n${scored.length} of ${decisions.length} decisions were rated by ${NAME}; the first ones:`);
  for (const line of scored.slice(0, 3)) console.log(`  ${line}`);
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
} finally {
  if (keep) console.log(`\nkept in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}

/** Says how long it took from the empty folder to the first request that was routed. */
function readFirstDecision(text, started) {
  if (!/ → sim-\d/.test(text)) return false;
  const seconds = (times.reduce((sum, ms) => sum + ms, 0) + performance.now() - started) / 1_000;
  console.log(`\nfrom nothing to the first routed request: ${seconds.toFixed(1)} s (target: 60 s)`);
  return true;
}

/** Runs one command and prints its name and time; throws with its output when it fails. */
async function step(name, cwd, [file, ...args], watch) {
  const started = performance.now();
  let seen = watch === undefined;
  let output = "";
  const code = await new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env: childEnvironment(), stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
        if (!seen) seen = watch(output, started);
      });
    }
    child.once("error", reject);
    child.once("close", resolve);
  });
  const ms = performance.now() - started;
  times.push(ms);
  console.log(`${`${(ms / 1_000).toFixed(1)} s`.padStart(8)}  ${name}`);
  if (code !== 0) throw new Error(`"${name}" ended with code ${code}:\n${output}`);
  return output;
}

function filters() {
  return ["pointsman...", "@pointsman/plugin-testkit...", "create-pointsman-plugin"].map(
    (name) => `--filter-prod=${name}`,
  );
}

/** The pnpm that runs this script, else the one that the workspace pins. */
function pnpm() {
  const running = process.env.npm_execpath;
  if (running !== undefined && /pnpm/.test(running)) {
    return /\.c?js$/.test(running) ? [process.execPath, running] : [running];
  }
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return ["npx", "--yes", packageManager];
}

function tscOf(dir) {
  return join(dir, "node_modules", "typescript", "bin", "tsc");
}

/**
 * The environment for npm: what pnpm has put into it for its own scripts is left out, the registry and its
 * credentials stay. A package of ours that the tarballs lack must not come from anywhere else.
 */
function childEnvironment() {
  const kept = /^npm_config_(registry|cache|userconfig|globalconfig|cafile|strict_ssl|(https?_|no)?proxy|\/\/)/i;
  const entries = Object.entries(process.env).filter(([name]) => !/^(npm|pnpm)_/i.test(name) || kept.test(name));
  return {
    ...Object.fromEntries(entries),
    "npm_config_@pointsman:registry": "http://127.0.0.1:9/",
    // npm asks there although it has the tarball, and would wait before it tries again.
    npm_config_fetch_retries: "0",
    npm_config_update_notifier: "false",
    NO_COLOR: "1",
  };
}
