// Rewrites every file in the form that the check asks for.
import { exitCodeOf, runChild } from "./setup/child.mjs";
import { root, tools } from "./tool-paths.mjs";

process.exitCode = exitCodeOf(await runChild(process.execPath, [tools.biome, "format", "--write", "."], { cwd: root }));
