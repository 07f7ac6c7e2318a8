import { PassThrough } from "node:stream";
import { type CreateContext, main } from "../src/main.ts";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Folders whose dependencies were installed, with the package manager. */
  readonly installs: readonly string[];
}

export interface RunOptions {
  readonly cwd: string;
  /** Answers to the questions, in order; null ends the input. Without them there is no terminal. */
  readonly answers?: readonly (string | null)[];
  readonly userAgent?: string;
  readonly installCode?: number;
}

/** Runs the command with a fake process. */
export async function run(argv: readonly string[], options: RunOptions): Promise<Ran> {
  const installs: string[] = [];
  const stdout = collect();
  const stderr = collect();
  const context: CreateContext = {
    cwd: options.cwd,
    stdout: stdout.stream,
    stderr: stderr.stream,
    terminal: options.answers && { input: answering(stdout.stream, options.answers), output: stdout.stream },
    userAgent: options.userAgent,
    install: async (manager, folder) => {
      installs.push(`${manager} ${folder}`);
      return options.installCode ?? 0;
    },
  };
  const code = await main(argv, context);
  return { code, stdout: stdout.text(), stderr: stderr.text(), installs };
}

function collect(): { readonly stream: PassThrough; text(): string } {
  const stream = new PassThrough();
  let text = "";
  stream.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { stream, text: () => text };
}

/** Types the next answer whenever a question stands there. */
function answering(output: PassThrough, answers: readonly (string | null)[]): PassThrough {
  const input = new PassThrough();
  const left = [...answers];
  output.on("data", (chunk: Buffer) => {
    if (!/\? \(.*\) $/.test(chunk.toString())) return;
    const answer = left.shift();
    if (answer === undefined) input.destroy(new Error("a question too many"));
    else if (answer === null) input.end();
    else input.write(`${answer}\n`);
  });
  return input;
}
