/** Codes of ERRORS.md that fit a wrong command line. */
export type RefusalCode =
  | "POINTSMAN_CLI_UNKNOWN_FLAG"
  | "POINTSMAN_CLI_FLAG_VALUE"
  | "POINTSMAN_CLI_FLAG_CONFLICT"
  | "POINTSMAN_CLI_FLAG_MISSING";

/** Why nothing was made. The message is a sentence; notes say what to do. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;
  readonly notes: readonly string[];

  constructor(code: RefusalCode, message: string, notes: readonly string[] = []) {
    super(message);
    this.code = code;
    this.notes = notes;
  }
}

/** Code and sentence on the first line, notes indented below. */
export function renderRefusal({ code, message, notes }: Refusal): string {
  return `${[`${code}  ${message}`, ...notes.map((note) => `  ${note}`)].join("\n")}\n`;
}
