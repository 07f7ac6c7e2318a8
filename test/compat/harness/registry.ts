import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Tools } from "./install-tool.ts";
import { assertLoopback, assertLoopbackConfig, assertPublishable } from "./loopback.ts";
import { machineEnvironment, type Ran, runCommand, runToSuccess } from "./run-command.ts";

const START_MS = 30_000;

/** Ours, and a stranger's: served from here alone, so that nobody else's package can take their place. */
const localPackages = ["@pointsman/*", "pointsman", "create-pointsman-plugin", "@acme/*"];
const localScopes = ["@pointsman", "@acme"];

/** An npm registry on loopback, and the clients that talk to it. */
export interface Registry {
  readonly url: string;
  /** The environment that every child gets: it names this registry and no other. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs a command that must succeed, in that environment. */
  run(command: readonly [string, ...string[]], cwd: string): Promise<string>;
  /** Runs a command that may fail, in that environment. */
  attempt(command: readonly [string, ...string[]], cwd: string): Promise<Ran>;
  /**
   * Publishes the package in a folder.
   * @param tag distribution tag; default `latest`
   * @throws Error, before anything is sent, when it could go anywhere but here
   */
  publish(folder: string, tag?: string): Promise<void>;
  /** Publishes the packages of an npm workspace in the same way, with one process. */
  publishWorkspace(root: string, folders: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** Starts verdaccio with an empty storage below `dir`; what is not ours comes, read-only, from the machine's registry. */
export async function startRegistry(dir: string, tools: Tools): Promise<Registry> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  assertLoopback(url, "the registry of the test");
  const machine = machineEnvironment();
  const upstream = (await runToSuccess(["npm", "config", "get", "registry"], { cwd: dir, env: machine })).trim();
  const everyone = { access: "$all", publish: "$all", unpublish: "$all" };
  const config = {
    storage: join(dir, "storage"),
    auth: { htpasswd: { file: join(dir, "htpasswd") } },
    uplinks: { machine: { url: upstream, maxage: "60m", timeout: "60s" } },
    packages: {
      ...Object.fromEntries(localPackages.map((pattern) => [pattern, everyone])),
      "**": { access: "$all", proxy: "machine" },
    },
    web: { enable: false },
    publish: { allow_offline: true },
    log: { type: "stdout", format: "json", level: "warn" },
    listen: `127.0.0.1:${port}`,
  };
  const configFile = join(dir, "verdaccio.yaml");
  writeFileSync(configFile, JSON.stringify(config, null, 2));
  const server = spawn(process.execPath, [tools.verdaccio, "--config", configFile], {
    cwd: dir,
    env: machine,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log: string[] = [];
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (chunk) => log.push(String(chunk)));
  await untilAnswers(`${url}-/ping`, server, log);

  const env = clientEnvironment(dir, url);
  const run = async (command: readonly [string, ...string[]], cwd: string): Promise<string> => {
    assertLoopback(env["npm_config_registry"], "the registry of a child");
    return runToSuccess(command, { cwd, env });
  };
  /** All that must hold before anything is sent. */
  const guard = async (root: string, folders: readonly string[]): Promise<void> => {
    for (const folder of folders) assertPublishable(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
    // What the client itself takes for its configuration, in that folder and environment, with all its files.
    assertLoopbackConfig(JSON.parse(await run(["npm", "config", "list", "--json"], root)));
  };
  return {
    url,
    env,
    run,
    attempt(command, cwd) {
      assertLoopback(env["npm_config_registry"], "the registry of a child");
      return runCommand(command, { cwd, env });
    },
    async publish(folder, tag = "latest") {
      await guard(folder, [folder]);
      await run(["npm", "publish", "--ignore-scripts", `--tag=${tag}`], folder);
    },
    async publishWorkspace(root, folders) {
      await guard(root, folders);
      await run(["npm", "publish", "--ignore-scripts", "--workspaces"], root);
    },
    async stop() {
      if (server.exitCode !== null) return;
      const ended = new Promise((done) => server.once("close", done));
      server.kill("SIGTERM");
      await ended;
    },
  };
}

/** A machine that has nothing but Node and npm, and knows no registry but this one. */
function clientEnvironment(dir: string, url: string): NodeJS.ProcessEnv {
  const home = join(dir, "home");
  mkdirSync(home, { recursive: true });
  const authority = url.replace(/^http:/, "");
  const lines = [
    `registry=${url}`,
    ...localScopes.map((scope) => `${scope}:registry=${url}`),
    // npm wants a token to be there; nobody looks at it.
    `${authority}:_authToken=anything`,
  ];
  const userConfig = join(home, "user.npmrc");
  writeFileSync(userConfig, `${lines.join("\n")}\n`);
  const globalConfig = join(home, "global.npmrc");
  writeFileSync(globalConfig, "");
  const kept = ["PATH", "TMPDIR", "LANG", "LC_ALL", "TZ"].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(kept),
    HOME: home,
    npm_config_registry: url,
    NPM_CONFIG_USERCONFIG: userConfig,
    NPM_CONFIG_GLOBALCONFIG: globalConfig,
    npm_config_cache: join(dir, "npm-cache"),
    npm_config_store_dir: join(dir, "pnpm-store"),
    npm_config_fetch_retries: "0",
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_update_notifier: "false",
    NO_COLOR: "1",
  };
}

async function untilAnswers(url: string, server: ChildProcess, log: readonly string[]): Promise<void> {
  const deadline = Date.now() + START_MS;
  for (;;) {
    if (server.exitCode !== null) throw new Error(`verdaccio has ended:\n${log.join("")}`);
    const answered = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (answered) return;
    if (Date.now() > deadline) {
      server.kill("SIGKILL");
      throw new Error(`verdaccio did not answer within ${START_MS} ms:\n${log.join("")}`);
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
