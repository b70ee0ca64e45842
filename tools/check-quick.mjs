// What finds most mistakes in under a minute: no test that starts a server.
import { generated, lint, typecheck } from "./suites/checks.mjs";
import { runSuites } from "./suites/run-suites.mjs";
import { vitestProject } from "./suites/vitest.mjs";

process.exitCode = await runSuites([typecheck, lint, generated, vitestProject("unit", ["packages/sojourn/src/"])]);
