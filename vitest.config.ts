import { defineConfig } from "vitest/config";

const outside = ["**/node_modules/**", "**/fixtures/**", "**/template/**"];
const withRealParts = { testTimeout: 60_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    // Two cores: more workers only make tests that wait for real parts fail.
    maxWorkers: 2,
    reporters: ["default", "./scripts/closing-line-reporter.mjs"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["{packages,plugins,apps}/*/test/**/*.test.ts"],
          exclude: ["**/*.int.test.ts", ...outside],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
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
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Sockets and processes of one package; two files side by side.
        test: {
          name: "integration",
          include: ["{packages,plugins,apps}/*/test/**/*.int.test.ts"],
          exclude: outside,
          sequence: { groupOrder: 1 },
          ...withRealParts,
        },
      },
      {
        // What spans packages: a real Envoy, load, a registry. One file after the other.
        test: {
          name: "system",
          include: ["test/*/**/*.test.ts"],
          exclude: outside,
          pool: "forks",
          fileParallelism: false,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
          ...withRealParts,
        },
      },
    ],
  },
});
