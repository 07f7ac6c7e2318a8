import { defineConfig } from "vitest/config";

/** Tests that start processes or real servers run one file after the other; two cores are few. */
const withRealParts = { pool: "forks" as const, fileParallelism: false, testTimeout: 60_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    // Two cores: more workers only make timing tests fail.
    maxWorkers: 2,
    reporters: ["default", "./scripts/closing-line-reporter.mjs"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["{packages,plugins,apps}/*/test/**/*.test.ts"],
          exclude: ["**/*.int.test.ts", "**/node_modules/**", "**/fixtures/**"],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "types",
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ["packages/*/test/**/*.test-d.ts"],
            tsconfig: "./tsconfig.tests.json",
            ignoreSourceErrors: true,
          },
        },
      },
      {
        test: {
          name: "integration",
          include: ["{packages,plugins,apps}/*/test/**/*.int.test.ts", "test/*/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/fixtures/**"],
          ...withRealParts,
        },
      },
    ],
  },
});
