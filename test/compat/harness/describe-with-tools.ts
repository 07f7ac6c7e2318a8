import { describe, it } from "vitest";
import { installTools, type Tools } from "./install-tool.ts";

/**
 * A suite that needs programs from the npm registry. Where they cannot be installed it is left out, and says so; in CI
 * it fails.
 */
export async function describeWithTools(name: string, suite: (tools: Tools) => void): Promise<void> {
  try {
    const tools = await installTools();
    describe(name, () => suite(tools));
  } catch (error) {
    if (process.env["CI"] === "true") {
      describe(name, () => {
        it("has the tools it needs", () => {
          throw error;
        });
      });
      return;
    }
    console.warn(`NOT TESTED: ${name}: ${(error as Error).message}`);
    describe.skip(name, () => it("needs tools that cannot be installed", () => {}));
  }
}
