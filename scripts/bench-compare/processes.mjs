import { spawn } from "node:child_process";
import { openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const started = [];

/** Starts a program; what it prints goes to a file. Everything started here is ended by {@link stopAll}. */
export function start(name, [program, ...args], folder) {
  const log = openSync(join(folder, `${name}.log`), "w");
  const child = spawn(program, args, { stdio: ["ignore", log, log] });
  const entry = { name, child, exited: false };
  child.once("error", (error) => {
    entry.failure = error.message;
    entry.exited = true;
  });
  child.once("exit", (code, signal) => {
    entry.failure ??= `ended with ${code ?? signal}; see ${join(folder, `${name}.log`)}`;
    entry.exited = true;
  });
  started.push(entry);
  return entry;
}

/** @throws when one of them has ended */
export function expectAlive() {
  for (const { name, exited, failure } of started) if (exited) throw new Error(`${name} ${failure}`);
}

/** A process and its descendants. */
export function tree(pid) {
  const found = [];
  const todo = [pid];
  while (todo.length > 0) {
    const next = todo.pop();
    try {
      for (const task of readdirSync(`/proc/${next}/task`)) {
        const children = readFileSync(`/proc/${next}/task/${task}/children`, "utf8").split(" ");
        todo.push(...children.filter((text) => text !== "").map(Number));
      }
      found.push(next);
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

export function signal({ child }, name) {
  for (const pid of tree(child.pid)) process.kill(pid, name);
}

export async function stopAll() {
  for (const entry of started) {
    if (entry.exited) continue;
    signal(entry, "SIGCONT");
    entry.child.kill("SIGTERM");
  }
  const deadline = Date.now() + 5_000;
  while (started.some(({ exited }) => !exited) && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  for (const { child, exited } of started) if (!exited) child.kill("SIGKILL");
}
