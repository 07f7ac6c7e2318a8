import { describeWhen } from "../../harness/describe-when.ts";
import { findProgram } from "../../harness/find-program.ts";

/**
 * A suite that needs a program.
 *
 * @param how where the program comes from
 */
export function describeWithProgram(name: string, program: string, how: string, suite: () => void): void {
  const isThere = findProgram(program) !== undefined;
  describeWhen(name, isThere ? undefined : `${program} is not on the PATH (${how})`, suite);
}
