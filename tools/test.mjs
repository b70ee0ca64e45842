// Everything that must hold before a change is merged. Arguments are parts of names of test files: only those run.
import { boundaries, generated, installable, lint, security, toolTests, typecheck } from "./suites/checks.mjs";
import { runSuites } from "./suites/run-suites.mjs";
import { vitestProject } from "./suites/vitest.mjs";

const filters = process.argv.slice(2);

process.exitCode = await runSuites([
  typecheck,
  lint,
  boundaries,
  generated,
  security,
  ...(filters.length === 0 ? [toolTests, installable] : []),
  vitestProject("unit", filters),
  vitestProject("serial", filters),
]);
