// The whole store contract behind Sentinels and on a cluster, with each client; `npm test` runs a choice of its cases.
import { runSuites } from "./suites/run-suites.mjs";
import { vitestProject } from "./suites/vitest.mjs";

process.env.SOJOURN_TOPOLOGIES = "all";
process.exitCode = await runSuites([vitestProject("serial", ["topologies/topologies"])]);
