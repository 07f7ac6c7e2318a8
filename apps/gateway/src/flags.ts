import { defineFlags, parseFlags, renderHelp } from "@pointsman/command-line";
import { type Diagnostic, diagnostic, hasErrors } from "@pointsman/diagnostics";
import { parseAddress } from "./address.ts";
import { DEFAULTS, type GatewayOptions } from "./options.ts";

const flags = defineFlags({
  host: {
    kind: "string",
    default: DEFAULTS.host,
    help: "address to listen on",
    placeholder: "ADDRESS",
    group: "Listener",
  },
  port: {
    kind: "integer",
    default: DEFAULTS.port,
    min: 0,
    max: 65_535,
    help: "port to listen on; 0 takes a free one",
    group: "Listener",
  },
  "max-body-bytes": {
    kind: "bytes",
    default: DEFAULTS.maxBodyBytes,
    help: "largest request body, 413 above it",
    group: "Listener",
  },
  "drain-timeout": {
    kind: "duration",
    default: 30_000,
    help: "after SIGTERM responses may take so long to end",
    group: "Listener",
  },
  picker: {
    kind: "string",
    default: DEFAULTS.picker,
    help: "the picker's ext_proc address",
    placeholder: "HOST:PORT",
    group: "Picker",
  },
  "picker-tls": {
    kind: "boolean",
    default: DEFAULTS.pickerTls,
    help: "speak TLS to the picker, any certificate accepted",
    group: "Picker",
  },
  "message-timeout": {
    kind: "duration",
    default: DEFAULTS.messageTimeoutMs,
    min: 1,
    help: "how long one answer of the picker may take",
    group: "Picker",
  },
  "failure-mode": {
    kind: "choice",
    values: ["open", "closed"],
    default: DEFAULTS.failureMode,
    help: "without the picker: use --endpoints, or refuse",
    group: "Picker",
  },
  endpoints: { kind: "list", help: "model servers to fall back to, HOST:PORT each", group: "Model servers" },
  "test-headers": {
    kind: "boolean",
    default: DEFAULTS.testHeaders,
    help: "x-test-subset limits the picker's choice",
    group: "Tests",
  },
});

export type CommandLine =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "wrong"; readonly diagnostics: readonly Diagnostic[] }
  | { readonly kind: "run"; readonly options: GatewayOptions; readonly drainTimeoutMs: number };

/** Parses the arguments of `pointsman gateway`. All mistakes are reported together. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const { values, positionals, help, diagnostics } = parseFlags(flags, argv);
  if (help) return { kind: "help", text: helpText() };
  const mistakes = [...diagnostics, ...positionals.map(unexpected)];
  if (parseAddress(values.picker) === undefined) mistakes.push(noAddress("picker", values.picker));
  for (const endpoint of values.endpoints) {
    if (parseAddress(endpoint) === undefined) mistakes.push(noAddress("endpoints", endpoint));
  }
  if (hasErrors(mistakes)) return { kind: "wrong", diagnostics: mistakes };
  return {
    kind: "run",
    drainTimeoutMs: values["drain-timeout"],
    options: {
      host: values.host,
      port: values.port,
      picker: values.picker,
      pickerTls: values["picker-tls"],
      failureMode: values["failure-mode"],
      endpoints: values.endpoints,
      messageTimeoutMs: values["message-timeout"],
      maxBodyBytes: values["max-body-bytes"],
      testHeaders: values["test-headers"],
    },
  };
}

function noAddress(flag: string, text: string): Diagnostic {
  return diagnostic("POINTSMAN_CLI_FLAG_VALUE", `--${flag}: "${text}" is no HOST:PORT.`, {
    hint: "Write 127.0.0.1:8000, [::1]:8000 or name:8000.",
  });
}

function unexpected(argument: string): Diagnostic {
  return diagnostic("POINTSMAN_CLI_FLAG_VALUE", `The command takes no argument "${argument}".`);
}

function helpText(): string {
  return renderHelp({
    usage: "pointsman gateway [flags]",
    about:
      "A small HTTP proxy in front of model servers. It asks the picker over ext_proc where each request goes, as Envoy\n" +
      "does: for trying out, for tests, and for use on a single machine.",
    flags,
    more: "GET /-/ready answers 200, and 503 while the gateway drains.",
  });
}
