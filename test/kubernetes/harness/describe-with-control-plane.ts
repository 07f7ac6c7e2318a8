import { describeWhen } from "../../harness/describe-when.ts";
import { findControlPlane } from "./control-plane.ts";

const MISSING = "kube-apiserver and etcd are not built (test/kubernetes/control-plane/build.sh DIR builds them)";

/** A suite that needs a control plane. */
export function describeWithControlPlane(name: string, suite: () => void): void {
  describeWhen(name, findControlPlane() === undefined ? MISSING : undefined, suite);
}
