// Benchmarks: see bench/main.ts for the arguments. The peers that are compared with come from a lock file of their own.
import { join } from "node:path";
import { ensurePackages } from "./setup/packages.mjs";
import { root } from "./tool-paths.mjs";

ensurePackages({ root: join(root, "bench") });
await import("../bench/main.ts");
