import { it } from "vitest";
import { describeWhen } from "../../harness/describe-when.ts";
import { installTools, type Tools } from "./install-tool.ts";

/** A suite that needs programs from the npm registry. */
export async function describeWithTools(name: string, suite: (tools: Tools) => void): Promise<void> {
  try {
    const tools = await installTools();
    describeWhen(name, undefined, () => suite(tools));
  } catch (error) {
    describeWhen(name, (error as Error).message, () => it("needs tools that cannot be installed", () => {}));
  }
}
