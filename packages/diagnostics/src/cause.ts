/** What is shown of a thrown value. */
export interface CauseSummary {
  readonly name: string;
  readonly message: string;
  /** `code` of Node's errors, such as `ENOENT`. */
  readonly code?: string;
  readonly cause?: CauseSummary;
}

const deepest = 3;
const longestMessage = 2_000;

/** Reads a thrown value, which may be anything: getters that throw, no prototype, an endless chain of causes. */
export function summariseCause(value: unknown, depth = 1): CauseSummary {
  try {
    if (typeof value !== "object" || value === null) return { name: typeof value, message: shorten(String(value)) };
    const { name, message, code, cause } = value as Record<string, unknown>;
    return {
      name: typeof name === "string" && name !== "" ? name : "object",
      message: typeof message === "string" ? shorten(message) : "(no message)",
      ...(typeof code === "string" ? { code } : {}),
      ...(cause !== undefined && depth < deepest ? { cause: summariseCause(cause, depth + 1) } : {}),
    };
  } catch {
    return { name: "object", message: "(unreadable)" };
  }
}

function shorten(text: string): string {
  return text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : text;
}
