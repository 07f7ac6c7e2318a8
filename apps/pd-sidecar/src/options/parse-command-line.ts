import { readFileSync } from "node:fs";
import { parseFlags, renderHelp } from "@pointsman/command-line";
import { type Diagnostic, diagnostic, hasErrors } from "@pointsman/diagnostics";
import { checkSettings } from "./check-settings.ts";
import { sidecarFlags } from "./flags.ts";
import { readYamlFlags } from "./read-yaml.ts";
import { DEFAULTS, type Settings } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export type CommandLine =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "wrong"; readonly diagnostics: readonly Diagnostic[] }
  | { readonly kind: "run"; readonly settings: Settings; readonly warnings: readonly Diagnostic[] };

/** Environment variables that stand for flags. */
const FLAG_VARIABLES = {
  MOONCAKE_BOOTSTRAP_PORT: "mooncake-bootstrap-port",
  P2P_CONNECTOR_PORT: "p2p-connector-port",
  INFERENCE_POOL: "inference-pool",
  ENABLE_PREFILLER_SAMPLING: "enable-prefiller-sampling",
} as const;

/**
 * Parses the arguments of `pointsman sidecar`. A flag wins over the YAML, that over the environment, that over the
 * default. All mistakes are reported together.
 */
export function parseCommandLine(argv: readonly string[], env: Environment = {}): CommandLine {
  const line = parseFlags(sidecarFlags, argv);
  if (line.help) return { kind: "help", text: helpText() };
  const diagnostics = [...line.diagnostics, ...line.positionals.map(unexpected)];

  const { configuration, "configuration-file": file } = line.values;
  if (configuration !== "" && file !== "") {
    const message = "--configuration and --configuration-file exclude each other.";
    diagnostics.push(diagnostic("POINTSMAN_CLI_FLAG_CONFLICT", message));
  }
  const yaml = readYaml(configuration, file, diagnostics);
  const variables = parseFlags(
    sidecarFlags,
    Object.entries(FLAG_VARIABLES).flatMap(([name, flag]) => (env[name] ? [`--${flag}=${env[name]}`] : [])),
  );
  diagnostics.push(...variables.diagnostics);

  const values: Record<string, unknown> = { ...DEFAULTS };
  for (const source of [variables, yaml, line]) {
    for (const name of source?.given ?? []) values[name] = source!.values[name];
    // The old name of one source yields to the new name of the same source only.
    const old = source?.values["vllm-port"];
    if (old !== undefined && !source!.given.has("model-server-port")) values["model-server-port"] = old;
  }
  // Precedence: --model-server-port, --vllm-port, YAML; what the lines above give.
  const settings = { ...values, podIp: env["POD_IP"] ?? "", sglangBootstrapPort: sglangPort(env, diagnostics) };
  const complete = settings as Settings;
  diagnostics.push(...checkSettings(complete));
  if (hasErrors(diagnostics)) return { kind: "wrong", diagnostics };
  return { kind: "run", settings: complete, warnings: diagnostics };
}

function readYaml(
  inline: string,
  file: string,
  diagnostics: Diagnostic[],
): ReturnType<typeof readYamlFlags> | undefined {
  if (inline === "" && file === "") return undefined;
  let text = inline;
  if (inline === "") {
    try {
      text = readFileSync(file, "utf8");
    } catch (cause) {
      const message = `--configuration-file: ${file} cannot be read.`;
      diagnostics.push(diagnostic("POINTSMAN_CLI_FLAG_VALUE", message, { cause }));
      return undefined;
    }
  }
  const yaml = readYamlFlags(text, inline === "" ? `--configuration-file ${file}` : "--configuration");
  diagnostics.push(...yaml.diagnostics);
  return yaml;
}

function sglangPort(env: Environment, diagnostics: Diagnostic[]): number {
  const text = env["SGLANG_BOOTSTRAP_PORT"];
  if (text === undefined || text === "") return DEFAULTS.sglangBootstrapPort;
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port;
  diagnostics.push(diagnostic("POINTSMAN_CLI_FLAG_VALUE", `SGLANG_BOOTSTRAP_PORT: "${text}" is no port.`));
  return DEFAULTS.sglangBootstrapPort;
}

function unexpected(argument: string): Diagnostic {
  return diagnostic("POINTSMAN_CLI_FLAG_VALUE", `The command takes no argument "${argument}".`);
}

function helpText(): string {
  return renderHelp({
    usage: "pointsman sidecar [flags]",
    about:
      "A reverse proxy beside a decode server. Where the router names a prefill server it runs the prefill leg there and\n" +
      "the decode leg here; everything else goes to the local model server as it is.",
    flags: sidecarFlags,
    more: "GET /health is answered by the sidecar. Metrics of the sidecar are on --metrics-port; /metrics is the model server's.",
  });
}
