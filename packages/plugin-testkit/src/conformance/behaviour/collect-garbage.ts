import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;

/** Collects what nobody holds any more. Also works in a process that was started without `--expose-gc`. */
export async function collectGarbage(): Promise<void> {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  for (let i = 0; i < 4; i += 1) {
    // References from a call that has just returned live until the turn ends.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
}
