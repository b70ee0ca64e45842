// Compiles every workspace, in the order in which they need each other.
import { readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { removeUnreachable } from "./package/reachable.mjs";
import { noteBuilt, sourcesHash } from "./setup/build-output.mjs";
import { exitCodeOf, runChild } from "./setup/child.mjs";
import { root, tools } from "./tool-paths.mjs";

// The library twice: its JavaScript is packed without comments, its declarations with them.
const projects = [
  "packages/sojourn/tsconfig.build.json",
  "packages/sojourn/tsconfig.types.json",
  "examples/shop/tsconfig.json",
];

async function build() {
  const hash = sourcesHash(root);
  const startedAt = Date.now();
  for (const project of projects) {
    const code = exitCodeOf(await runChild(process.execPath, [tools.tsc, "-p", project], { cwd: root }));
    if (code !== 0) return code;
  }
  for (const project of projects) removeOlder(join(root, dirname(project), "dist"), startedAt);
  removeUnreachable(join(root, "packages", "sojourn"));
  noteBuilt(root, hash);
  return 0;
}

// What this build did not write was made from a source that is gone. Emptying dist first would pull it from under a
// server that runs from it.
function removeOlder(folder, startedAt) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && statSync(file).mtimeMs < startedAt) rmSync(file);
  }
}

process.exitCode = await build();
