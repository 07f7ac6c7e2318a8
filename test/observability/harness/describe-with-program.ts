import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, it } from "vitest";

/** A program on the PATH, or undefined. */
export function findProgram(name: string): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/**
 * A suite that needs a program. Without it the suite is left out, and says so; in CI it fails.
 *
 * @param how where the program comes from
 */
export function describeWithProgram(name: string, program: string, how: string, suite: () => void): void {
  const missing = `${program} is not on the PATH (${how})`;
  if (findProgram(program) !== undefined) {
    describe(name, suite);
  } else if (process.env["CI"] === "true") {
    describe(name, () => {
      it(`has ${program} to run`, () => {
        throw new Error(missing);
      });
    });
  } else {
    console.warn(`NOT TESTED: ${name}: ${missing}`);
    describe.skip(name, suite);
  }
}
