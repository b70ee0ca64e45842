import { join } from "node:path";
import type { NextConfig } from "next";

const config: NextConfig = {
  // `sojourn` is a folder of this repository here: installed from the registry it needs neither line.
  turbopack: { root: join(import.meta.dirname, "..", "..") },
  outputFileTracingRoot: join(import.meta.dirname, "..", ".."),
  // Left to Node as it is: the embedded store is `node:sqlite`.
  serverExternalPackages: ["sojourn"],
};

export default config;
