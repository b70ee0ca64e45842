import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isBuilt } from "../setup/build-output.mjs";
import { root, tools } from "../tool-paths.mjs";
import { NOTHING } from "./count.mjs";
import { runTool } from "./run-tool.mjs";

const typecheckedProjects = ["packages/sojourn", "examples", "examples/shop", "e2e", "bench"];
const generator = join(root, "tools", "gen-all.mjs");

/** Builds when a source changed: what imports the package by its name is checked against `dist`. */
export const typecheck = check("typecheck", () => [
  ...(isBuilt(root) ? [] : [[join(root, "tools", "build.mjs")]]),
  ...typecheckedProjects.map((project) => [tools.tsc, "--noEmit", "-p", join(project, "tsconfig.json")]),
]);

export const lint = check("lint", () => [
  [tools.oxlint, "--type-aware", "--report-unused-disable-directives"],
  [tools.biome, "format", "."],
]);

export const generated = check("generated", () => (existsSync(generator) ? [[generator, "--check"]] : []));

export const boundaries = check("boundaries", () => [[tool("check-boundaries.mjs")]]);

export const security = check("security", () => [[tool("security-table.mjs")]]);

/** What users would install; needs the npm registry. */
export const installable = check("package", () => [[tool("check-package.mjs")]]);

/** The tools' own tests. */
export const toolTests = check("tools", () => {
  const files = readdirSync(join(root, "tools"), { recursive: true }).filter((name) => name.endsWith(".test.mjs"));
  return [["--test", ...files.map((name) => tool(name))]];
});

function tool(name) {
  return join(root, "tools", name);
}

/** A suite that counts as one test, passed when every command succeeds; they all run, so one run shows all that is wrong. */
function check(name, commands) {
  return {
    name,
    async run(options) {
      const failures = [];
      const started = commands();
      for (const command of started) {
        const code = await runTool(command, options);
        if (code !== 0) failures.push(name);
      }
      if (started.length === 0) return NOTHING;
      const failed = failures.length > 0;
      return { ...NOTHING, passed: failed ? 0 : 1, failed: failed ? 1 : 0, failures: failures.slice(0, 1) };
    },
  };
}
