/** One thing that is wrong with the file. */
export interface Mistake {
  /** From 1; undefined when it is about the file as a whole. */
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly message: string;
}

const mostShown = 20;

/** The file cannot be used: every mistake with its place. */
export class EndpointsFileError extends Error {
  override readonly name = "EndpointsFileError";
  readonly code = "ERR_ENDPOINTS_FILE";
  readonly path: string;
  readonly mistakes: readonly Mistake[];

  constructor(path: string, mistakes: readonly Mistake[], cause?: unknown) {
    const shown = mistakes.slice(0, mostShown).map(({ line, column, message }) => {
      return line === undefined ? `${path}: ${message}` : `${path}:${line}:${column} ${message}`;
    });
    if (mistakes.length > mostShown) shown.push(`and ${mistakes.length - mostShown} more`);
    super(shown.join("\n"), cause === undefined ? {} : { cause });
    this.path = path;
    this.mistakes = mistakes;
  }
}
