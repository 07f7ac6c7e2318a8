import type { Variables } from "./variable-reader.ts";

/** The variables of this process, as they are now. Here and in main files only, the environment is read. */
export function processEnvironment(): Variables {
  return { ...process.env };
}
