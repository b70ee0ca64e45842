// examples/next in Chromium. Not among `npm test`, which installs enough: Next.js is 369 MB.
import { runSuites } from "./suites/run-suites.mjs";
import { vitestProject } from "./suites/vitest.mjs";

process.exitCode = await runSuites([vitestProject("next")]);
