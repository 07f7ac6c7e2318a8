import { internal, unavailable, usage } from "./entry.ts";

/** Codes about the command line, the servers of a process, and the simulator's options. */
export const processCodes = {
  POINTSMAN_CLI_UNKNOWN_FLAG: usage(
    "Unknown flag",
    "The command does not have this flag.",
    "Correct the spelling; `--help` lists the flags.",
  ),
  POINTSMAN_CLI_FLAG_VALUE: usage(
    "Wrong value for a flag",
    "The flag's value is missing or cannot be used.",
    "Write a value of the kind the message names. Boolean flags are written with `=`.",
  ),
  POINTSMAN_CLI_FLAG_CONFLICT: usage(
    "Flags exclude each other",
    "Two flags were given of which only one can apply.",
    "Remove one of them.",
  ),
  POINTSMAN_CLI_FLAG_MISSING: usage("Flag missing", "The command needs a flag that was not given.", "Add the flag."),
  POINTSMAN_REPLAY_TRACE: usage(
    "Trace cannot be read",
    "The file of `pointsman replay` is missing, or a line of it is no request in Mooncake's format.",
    "Give a JSONL file with `timestamp`, `input_length`, `output_length` and `hash_ids` in each line; the message names the first wrong lines.",
  ),
  POINTSMAN_REPLAY_OUTPUT: usage(
    "Report cannot be written",
    "The file that a command was to write exists already or its folder cannot be written.",
    "Choose another name, or `--force` where the command has it.",
  ),
  POINTSMAN_SERVER_PORT_TAKEN: unavailable(
    "Port is taken",
    "Another process already listens on the port.",
    "Stop the other process, or choose another port.",
  ),
  POINTSMAN_SERVER_TLS_FILES: unavailable(
    "TLS files cannot be used",
    "The certificate or its key is missing, cannot be read, or the two do not belong together.",
    "Check `tls.crt` and `tls.key` in the folder named by `--cert-path`.",
  ),
  POINTSMAN_SERVER_TRACING_VARIABLE: usage(
    "Tracing variable cannot be used",
    "An `OTEL_*` environment variable has a value that it cannot have.",
    "Write one of the values the message names, or unset the variable.",
  ),
  POINTSMAN_SIM_BAD_OPTION: usage(
    "Simulator option cannot be used",
    "An option of the simulated model server has a value that it cannot have.",
    "Write a value of the kind the message names.",
  ),
  POINTSMAN_SERVER_UNEXPECTED: internal(
    "Unexpected fault",
    "Something failed that should not be able to fail. This is a fault of Pointsman.",
    "Report it with the text of the error.",
  ),
} as const;
