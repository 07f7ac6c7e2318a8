import { describe, it } from "vitest";
import { findControlPlane } from "./control-plane.ts";

const MISSING = "kube-apiserver and etcd are not built (test/kubernetes/control-plane/build.sh DIR builds them)";

/** A suite that needs a control plane. Without one it is left out, and says so; in CI it fails. */
export function describeWithControlPlane(name: string, suite: () => void): void {
  if (findControlPlane() !== undefined) {
    describe(name, suite);
  } else if (process.env["CI"] === "true") {
    describe(name, () => {
      it("has a control plane to run", () => {
        throw new Error(MISSING);
      });
    });
  } else {
    console.warn(`NOT TESTED: ${name}: ${MISSING}`);
    describe.skip(name, suite);
  }
}
