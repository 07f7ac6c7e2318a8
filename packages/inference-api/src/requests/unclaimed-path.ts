import type { BodyFault } from "./parsed-body.ts";

/** The answer of a family's reader to a path that is not its own. */
export function unclaimedPath(path: string): BodyFault {
  // Paths come from clients: enough to recognise one, never kilobytes.
  const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path;
  return { message: `unsupported path ${JSON.stringify(shown)}` };
}
