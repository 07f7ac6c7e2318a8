import { type Diagnostic, diagnostic, exitCodeOf, renderDiagnostics, suggest } from "@pointsman/diagnostics";

interface Command {
  readonly about: string;
  /** Loads its app only when it is called: `pointsman version` must not pay for a gRPC stack. */
  readonly run: (argv: readonly string[]) => Promise<number>;
}

const commands: Readonly<Record<string, Command>> = {
  serve: { about: "run the endpoint picker", run: async (argv) => (await import("@pointsman/epp")).serve(argv) },
  gateway: {
    about: "run a small HTTP proxy in front of a picker",
    run: async (argv) => (await import("@pointsman/gateway")).main([...argv]),
  },
  sidecar: {
    about: "run the prefill/decode sidecar beside a model server",
    run: async (argv) => (await import("@pointsman/pd-sidecar")).main(argv),
  },
  sim: {
    about: "run simulated vLLM servers",
    run: async (argv) => (await import("@pointsman/model-sim")).main([...argv]),
  },
  demo: {
    about: "run simulators, picker and gateway together and show each decision",
    run: async (argv) => (await import("./demo/demo.ts")).demo(argv),
  },
  check: { about: "check a configuration", run: async (argv) => (await import("@pointsman/epp")).check(argv) },
  env: {
    about: "print the configuration that environment variables amount to",
    run: async (argv) => (await import("./environment/env-command.ts")).env(argv),
  },
  plugins: {
    about: "list installed plugins, tell about one, add one",
    run: async (argv) => (await import("./plugins/plugins-command.ts")).plugins(argv, process.env),
  },
  schema: {
    about: "print a JSON Schema of configuration files for editors",
    run: async (argv) => (await import("./schema/schema-command.ts")).schema(argv),
  },
  docs: {
    about: "write the schemas and option tables of plugin packages",
    run: async (argv) => (await import("./docs/docs-command.ts")).docs(argv),
  },
  "test-plugin": {
    about: "check a plugin package against the plugin contract",
    run: async (argv) => (await import("./test-plugin/test-plugin-command.ts")).testPlugin(argv),
  },
  why: {
    about: "tell why a request went where it went",
    run: async (argv) => (await import("@pointsman/epp")).why(argv),
  },
  version: { about: "print the version", run: async () => print(`${(await import("./version.ts")).version}\n`) },
};

/** The command `pointsman`. Resolves with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined) return print(usage(), 2);
  if (name === "--help" || name === "-h" || name === "help") return print(usage());
  if (name === "--version") return main(["version"]);
  const command = commands[name];
  if (command === undefined) return fail([unknownCommand(name)]);
  try {
    return await command.run(rest);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    return fail([diagnostic("POINTSMAN_SERVER_UNEXPECTED", `pointsman ${name} failed: ${text}`, { cause })]);
  }
}

function usage(): string {
  const lines = Object.entries(commands).map(([name, { about }]) => `  ${name.padEnd(13)}${about}`);
  return `Usage: pointsman <command> [flags]\n\n${lines.join("\n")}\n\n"pointsman <command> --help" lists the flags of a command.\n`;
}

function unknownCommand(name: string): Diagnostic {
  const notes = suggest(name, Object.keys(commands)).map((text) => ({ label: "did you mean", text }));
  return diagnostic("POINTSMAN_CLI_UNKNOWN_FLAG", `There is no command "${name}".`, { notes });
}

function print(text: string, code = 0): number {
  (code === 0 ? process.stdout : process.stderr).write(text);
  return code;
}

function fail(diagnostics: readonly Diagnostic[]): number {
  process.stderr.write(`${renderDiagnostics(diagnostics, { format: "text", color: process.stderr.isTTY === true })}\n`);
  return exitCodeOf(diagnostics);
}
