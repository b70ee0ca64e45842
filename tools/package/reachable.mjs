import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

const IMPORT = /(?:from|import\(?)\s*"(\.[^"]+)"/g;

/** Removes what no export of a built package leads to: declarations that nobody can import, and JavaScript that was types only. */
export function removeUnreachable(folder) {
  const { exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const reached = new Set();
  for (const target of Object.values(exports)) {
    for (const file of typeof target === "string" ? [target] : Object.values(target))
      follow(join(folder, file), reached);
  }
  for (const entry of readdirSync(join(folder, "dist"), { recursive: true })) {
    const file = join(folder, "dist", entry);
    if (/\.(?:d\.ts|js)$/.test(file) && !reached.has(file)) rmSync(file);
  }
}

/** The files that these lead to, and themselves. */
export function filesReached(files) {
  const reached = new Set();
  for (const file of files) follow(file, reached);
  return reached;
}

function follow(file, reached) {
  if (reached.has(file) || !existsSync(file)) return;
  reached.add(file);
  const ending = /\.d\.ts$|\.\w+$/.exec(file)?.[0];
  for (const [, path] of readFileSync(file, "utf8").matchAll(IMPORT)) {
    follow(join(dirname(file), path.replace(/\.[jt]s$/, ending)), reached);
  }
}
