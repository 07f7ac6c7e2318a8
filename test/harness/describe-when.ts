import { describe, it } from "vitest";

/**
 * A suite that needs something of the machine. Without it the suite is left out, and says so; in CI it fails.
 *
 * @param missing what is missing and where it comes from; undefined when it is there
 */
export function describeWhen(name: string, missing: string | undefined, suite: () => void): void {
  if (missing === undefined) {
    describe(name, suite);
  } else if (process.env["CI"] === "true") {
    describe(name, () => {
      it("has what it needs", () => {
        throw new Error(missing);
      });
    });
  } else {
    console.warn(`NOT TESTED: ${name}: ${missing}`);
    describe.skip(name, suite);
  }
}
