import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const installed = (path) => join(root, "node_modules", path);

/** Files to start with `node`: unlike `node_modules/.bin` the same on every system. */
export const tools = {
  biome: installed("@biomejs/biome/bin/biome"),
  oxlint: installed("oxlint/bin/oxlint"),
  tsc: installed("typescript/bin/tsc"),
  vitest: installed("vitest/vitest.mjs"),
};
