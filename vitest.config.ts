import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const serial = "**/*.serial.test.ts";

export default defineConfig({
  test: {
    pool: "forks",
    testTimeout: 20_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["{packages,examples}/*/{src,test}/**/*.test.ts", "bench/**/*.test.ts"],
          exclude: ["**/node_modules/**", serial],
          // Most files wait for a server of their own, so the default (cores less one) would leave a core idle.
          maxWorkers: Math.max(2, availableParallelism()),
        },
      },
      {
        extends: true,
        test: {
          // Suites that kill, freeze, time or start servers of the whole app: nothing may run beside them.
          name: "serial",
          include: [`{packages,examples,e2e}/${serial}`, "e2e/**/*.test.ts"],
          exclude: ["**/node_modules/**"],
          fileParallelism: false,
        },
      },
      // `npm run test:next`.
      { extends: true, test: { name: "next", include: ["e2e/next/*.browser.ts"] } },
    ],
  },
});
