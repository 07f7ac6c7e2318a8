import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The built files of this package: a child process runs those, also when this module runs from its source. */
const root = dirname(createRequire(import.meta.url).resolve("@pointsman/plugin-testkit/package.json"));
/** Of what a child prints, the end is kept for the case that it dies. */
const KEPT_CHARACTERS = 2_000;

export interface Child {
  readonly process: ChildProcess;
  /** The last lines it printed as errors. */
  lastWords(): string;
  kill(): Promise<void>;
}

/** Starts a module of this package in a process of its own; what it prints is not shown. */
export function startProcess(module: "import-probe" | "check-process"): Child {
  const child = fork(join(root, "dist", "conformance", "process", `${module}.js`), [], {
    execArgv: [],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let words = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    words = (words + chunk.toString()).slice(-KEPT_CHARACTERS);
  });
  const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
  return {
    process: child,
    lastWords: () => words.trim(),
    async kill() {
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** How a process ended, in words. */
export function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
}
